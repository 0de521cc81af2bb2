// SPDX-License-Identifier: Apache-2.0
// Needs: Node.
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import { dropReasonsPage } from './drop-reasons-page.ts';

const path = new URL('../../docs/drop-reasons.md', import.meta.url);

test('docs/drop-reasons.md is fresh (UPDATE=1 writes it)', () => {
  if (process.env.UPDATE === '1') writeFileSync(path, dropReasonsPage());
  assert.equal(readFileSync(path, 'utf8'), dropReasonsPage());
});

test('each line of a table has as many cells as its title', () => {
  let cells = 0;
  for (const line of dropReasonsPage().split('\n')) {
    const found = line.replaceAll('\\|', '').split('|').length;
    if (cells > 1 && found > 1) assert.equal(found, cells, line);
    cells = found;
  }
});

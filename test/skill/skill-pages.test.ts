// SPDX-License-Identifier: Apache-2.0
// Needs: Node.
import assert from 'node:assert/strict';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { skillPages } from './skill-pages.ts';

const folder = join(import.meta.dirname, '../../docs/skill');

test('docs/skill is fresh (UPDATE=1 writes it)', async () => {
  const pages = await skillPages();
  for (const [path, text] of Object.entries(pages)) {
    if (process.env.UPDATE === '1') {
      mkdirSync(dirname(join(folder, path)), { recursive: true });
      writeFileSync(join(folder, path), text);
    }
    assert.equal(readFileSync(join(folder, path), 'utf8'), text, path);
  }
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.md'));
  assert.deepEqual(files.sort(), Object.keys(pages).sort());
});

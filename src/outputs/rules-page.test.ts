// SPDX-License-Identifier: Apache-2.0
// Needs: Node.
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import { RULES } from '../diagnosis/all-rules.ts';
import { rulesPage } from './rules-page.ts';

const path = new URL('../../docs/rules.md', import.meta.url);

test('docs/rules.md is fresh (UPDATE=1 writes it)', () => {
  if (process.env.UPDATE === '1') writeFileSync(path, rulesPage(RULES));
  assert.equal(readFileSync(path, 'utf8'), rulesPage(RULES));
});

test('every rule has a heading that alerts can link to, and no word that Markdown would swallow', () => {
  const page = rulesPage(RULES);
  for (const { name, summary, explanation } of RULES) {
    assert.match(page, new RegExp(`^## ${name}$`, 'm'));
    assert.ok(page.includes(`](#${name})`), name);
    assert.doesNotMatch(`${summary}\n${explanation}`.replace(/`[^`\n]*`/g, ''), /[<>*#[\]`]|^ {4}/m, name);
  }
});

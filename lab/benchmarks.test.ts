// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { replaceSection } from './benchmarks.ts';

test('each section is written and renewed alone, wherever it stands', () => {
  const cost = replaceSection('', 'cost', '# Cost\n\n1\n');
  const both = replaceSection(cost, 'scrape', '# Scrape\n');
  assert.equal(
    both,
    '<!-- bench:cost -->\n# Cost\n\n1\n<!-- end of bench:cost -->\n\n<!-- bench:scrape -->\n# Scrape\n<!-- end of bench:scrape -->\n',
  );
  assert.equal(replaceSection(both, 'cost', '# Cost\n\n2\n'), both.replace('1', '2'));
  assert.equal(
    replaceSection(both, 'scrape', '# Scrape, $& again\n'),
    both.replace('# Scrape', () => '# Scrape, $& again'),
  );
});

test('BENCHMARKS.md has each once', () => {
  const document = readFileSync('BENCHMARKS.md', 'utf8');
  for (const section of ['cost', 'scrape', 'tables', 'verdicts']) {
    assert.equal(document.split(`<!-- bench:${section} -->\n`).length, 2);
    assert.equal(document.split(`<!-- end of bench:${section} -->\n`).length, 2);
  }
});

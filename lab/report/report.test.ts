// SPDX-License-Identifier: Apache-2.0
// Needs: Node.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { replaceSection } from './report.ts';

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

test('the costs in docs/overhead.md are those of BENCHMARKS.md', () => {
  const cells = (line: string): readonly string[] => line.split('|').map((cell) => cell.trim().replace('·', '0'));
  const tables = readFileSync('BENCHMARKS.md', 'utf8').split('\n').map(cells);
  const columns = tables.find(([, first]) => first === 'attached') ?? [];
  const measured = (name: string, path: string): string | undefined =>
    tables.find(([, first, second]) => first === name && /^[+0]/.test(second ?? ''))?.[columns.indexOf(path)];
  const shown = readFileSync('docs/overhead.md', 'utf8').split('\n').map(cells);
  for (const [here, there] of [
    ['level `exact`', 'level exact'],
    ['level `rest`, the default while all is well', 'level rest'],
    ['level `lean`', 'level lean'],
    ['where no function can be traced', 'raw mode'],
  ] as const) {
    const row = shown.find(([, first]) => first === here);
    const paths = ['enqueue', 'read', 'drop', 'foreign drop', 'foreign packet'];
    assert.deepEqual(
      row?.slice(2, 7),
      paths.map((path) => measured(there, path)),
      here,
    );
  }
});

test('BENCHMARKS.md has each once', () => {
  const document = readFileSync('BENCHMARKS.md', 'utf8');
  for (const section of ['cost', 'scrape', 'tables', 'verdicts']) {
    assert.equal(document.split(`<!-- bench:${section} -->\n`).length, 2);
    assert.equal(document.split(`<!-- end of bench:${section} -->\n`).length, 2);
  }
});

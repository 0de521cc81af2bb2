// SPDX-License-Identifier: Apache-2.0
// Needs: Node.
// docs/overhead.md says what was last measured.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import test from 'node:test';
import { fileURLToPath } from 'node:url';
import { readMeasured } from './baseline.ts';
import { BASELINE, DEFAULT_LEVEL, EXIT_HOOKED, LEAN_LEVEL, RAW_MODE } from './configurations.ts';
import { added, NOISE } from './cost-table.ts';
import type { Path } from './packet-paths.ts';

const page = readFileSync(join(dirname(fileURLToPath(import.meta.url)), '../../docs/overhead.md'), 'utf8');

const ROWS: readonly (readonly [begin: string, configuration: string])[] = [
  ['| level `exact` |', DEFAULT_LEVEL],
  ['| level `lean` |', LEAN_LEVEL],
  ['| where no function can be traced |', RAW_MODE],
];
const COLUMNS: readonly Path[] = ['enqueue', 'read', 'drop', 'foreign drop', 'foreign packet'];

function measured(configuration: string, path: Path): number {
  const prices = readMeasured(['7.3']).get('7.3')?.prices;
  return added(path, prices?.get(configuration) ?? {}, prices?.get(BASELINE) ?? {}) ?? Number.NaN;
}

function agrees(said: number, configuration: string, path: Path): void {
  const is = measured(configuration, path);
  assert.ok(
    Math.abs(said - is) <= NOISE,
    `'${configuration}' adds ${is.toFixed(0)} to '${path}', the page says ${said}`,
  );
}

test('the table of prices is what was measured, within the noise', () => {
  for (const [begin, configuration] of ROWS) {
    const row = page.split('\n').find((line) => line.startsWith(begin)) ?? '';
    const said = row.slice(begin.length).split('|').map(Number);
    for (const [place, path] of COLUMNS.entries()) agrees(said[place] ?? Number.NaN, configuration, path);
  }
});

test('so are the prices in its sentences', () => {
  const said = (pattern: RegExp): number => Number(pattern.exec(page)?.[1]);
  agrees(said(/Then a packet costs \+(\d+)\./), EXIT_HOOKED, 'enqueue');
  agrees(said(/a drop elsewhere then costs (\d+)\./), `${DEFAULT_LEVEL}, before=off`, 'foreign drop');
});

// SPDX-License-Identifier: Apache-2.0
// The tables of docs/accuracy.md of what is predicted of other rings, and what they lost. A test that has measured again compares each figure.
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';

export interface ReplayRow {
  readonly traffic: string;
  readonly ring: number;
  readonly lost: number;
  readonly advised: number;
  readonly lostWithAdvised: number;
  /** The least ring that loses nothing, found by bisection. */
  readonly least: number;
  /** Packets lost with half the advised ring. */
  readonly predicted: number;
  readonly measured: number;
}

const PAGE = 'docs/accuracy.md';
const HEAD = ['ring', 'lost', 'advised', 'lost with it', 'least by bisection', 'half of it, predicted', 'measured'];
/** Slots that the reader has not given back yet when a burst comes, and packets of the host's own. */
const SLACK = 16;
const TOLERANCE = 0.1;

export function isAsPredicted(predicted: number, measured: number): boolean {
  return Math.abs(predicted - measured) <= Math.max(TOLERANCE * measured, SLACK);
}

/** `first`: the head of the table's first column. With UPDATE=1 the table is written, else compared with what was measured now. */
export function replayTable(first: string, rows: readonly ReplayRow[]): void {
  const page = readFileSync(PAGE, 'utf8');
  const begin = page.indexOf(`| ${first} | ring |`);
  const end = page.indexOf('\n\n', begin) + 1;
  assert.ok(begin > 0 && end > begin, `${PAGE} has no table of ${first}`);
  if (process.env.UPDATE === '1') {
    writeFileSync(PAGE, page.slice(0, begin) + textOf(first, rows) + page.slice(end));
    return;
  }
  const shown = new Map(
    page
      .slice(begin, end)
      .split('\n')
      .map((line) => line.split('|').map((cell) => cell.trim()))
      .map(([, name = '', ...cells]) => [name, cells.map(Number)] as const),
  );
  for (const row of rows) {
    const figures = shown.get(row.traffic) ?? assert.fail(`${PAGE} has no row of ${row.traffic}`);
    for (const [index, measured] of figuresOf(row).entries()) {
      const figure = figures[index] ?? Number.NaN;
      assert.ok(
        isAsPredicted(figure, measured),
        `${PAGE}: ${row.traffic}: ${HEAD[index]} is ${figure}, and ${measured} now`,
      );
    }
  }
}

function figuresOf(row: ReplayRow): readonly number[] {
  return [row.ring, row.lost, row.advised, row.lostWithAdvised, row.least, row.predicted, row.measured];
}

function textOf(first: string, rows: readonly ReplayRow[]): string {
  const head = [first, ...HEAD];
  const lines = rows.map((row) => [row.traffic, ...figuresOf(row)]);
  return [head, head.map((_, column) => (column === 0 ? '---' : '---:')), ...lines]
    .map((cells) => `| ${cells.join(' | ')} |\n`)
    .join('');
}

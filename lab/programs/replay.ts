// SPDX-License-Identifier: Apache-2.0
// The same packets again with rings of other sizes: what is predicted of them, what they lose, and the tables of docs/accuracy.md of both.
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import type { TestContext } from 'node:test';
import { ringForecast } from '../../src/diagnosis/forecast/ring-forecast.ts';
import { steadyWindow } from '../../src/diagnosis/forecast/steady-window.ts';
import type { Snapshot } from '../../src/snapshot/snapshot.ts';
import { markdown } from '../report/report.ts';

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

/** Traffic that can be played again. */
export interface Replay {
  readonly traffic: string;
  readonly ring: number;
  /** The network namespace of the only device. */
  readonly netns: number;
  readonly snapshot: () => Promise<Snapshot>;
  /** How many packets the kernel dropped with a ring of this size. */
  readonly play: (ring: number) => Promise<number>;
}

const PAGE = 'docs/accuracy.md';
const HEAD = ['ring', 'lost', 'advised', 'lost with it', 'least by bisection', 'half of it, predicted', 'measured'];
/** Slots that the reader has not given back yet when a burst comes, and packets of the host's own. */
const SLACK = 16;
const TOLERANCE = 0.1;

/** What is predicted and advised, and what the same packets then lose. */
export async function replayed(t: TestContext, { traffic, ring, netns, snapshot, play }: Replay): Promise<ReplayRow> {
  const before = await snapshot();
  const lost = await play(ring);
  const seen = [before, await snapshot()];
  const forecast = (sizes: readonly number[]) => {
    const device = seen.at(-1)?.devices.find((one) => one.netns === netns) ?? assert.fail('no device');
    const steady = steadyWindow(seen, device.id) ?? assert.fail('the device has just changed');
    return ringForecast(steady.device, sizes) ?? assert.fail('overflows are not followed');
  };
  const advised = forecast([]).advised ?? assert.fail('no size is advised');
  const half = advised >> 1;
  const { loss, sizes } = forecast([half]);
  const predicted = sizes.find(({ size }) => size === half)?.lost ?? assert.fail(`nothing said of ${half}`);
  const measured = await play(half);
  const about = `${traffic}: ${lost} of ${loss.offered} lost with ${ring} slots, ${advised} advised; with ${half} ${predicted} predicted, ${measured} lost`;
  t.diagnostic(about);
  assert.equal(loss.lost, lost);
  assert.ok(isAsPredicted(predicted, measured), about);
  const lostWithAdvised = await play(advised);
  const least = await leastRing(play, ring, advised);
  return { traffic, ring, lost, advised, lostWithAdvised, least, predicted, measured };
}

/** The least ring that loses nothing, by bisection: `losing` loses some, `enough` none. */
async function leastRing(play: Replay['play'], losing: number, enough: number): Promise<number> {
  if (enough - losing <= 1) return enough;
  const middle = (losing + enough) >> 1;
  return (await play(middle)) > 0 ? leastRing(play, middle, enough) : leastRing(play, losing, middle);
}

function isAsPredicted(predicted: number, measured: number): boolean {
  return Math.abs(predicted - measured) <= Math.max(TOLERANCE * measured, SLACK);
}

/** `first`: the head of the table's first column. With UPDATE=1 the table is written, else compared with what was measured now. */
export function replayTable(first: string, rows: readonly ReplayRow[]): void {
  const page = readFileSync(PAGE, 'utf8');
  const begin = page.indexOf(`| ${first} | ring |`);
  const end = page.indexOf('\n\n', begin) + 1;
  assert.ok(begin > 0 && end > begin, `${PAGE} has no table of ${first}`);
  if (process.env.UPDATE === '1') {
    const table = markdown([[first, ...HEAD], ...rows.map((row) => [row.traffic, ...figuresOf(row)])]);
    writeFileSync(PAGE, `${page.slice(0, begin)}${table}\n${page.slice(end)}`);
    return;
  }
  const lines = page.slice(begin, end).split('\n');
  const shown = new Map(
    lines
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

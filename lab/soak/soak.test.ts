// SPDX-License-Identifier: Apache-2.0
// Needs: Node.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { randomOf } from '../../test/host/random.ts';
import { fitLine, type Point, studentT } from './linear-fit.ts';
import { MILD } from './soak.ts';
import type { Entry } from './soak-record.ts';
import { isFitted, report } from './soak-table.ts';

const HOURS = 1.5;
const NAMES = ['counting: own memory, MiB', 'serving: own memory, MiB', 'BPF maps', 'devices shown'];

/** A sample each ten seconds; `growth`: an hour, of each quantity. */
function record(growth: number, ...more: readonly Entry[]): readonly Entry[] {
  const random = randomOf(7);
  const samples = Array.from({ length: 360 * HOURS }, (_, index): Entry => {
    const s = 10 * (index + 1);
    const cpu = { 'CPU of the agent, ms': 100 * s, 'CPU of the run itself, ms': 50 * s };
    const figures = Object.fromEntries(NAMES.map((name) => [name, 50 + random.below(100) / 50 + (growth * s) / 3600]));
    return { kind: 'sample', s, figures: { ...cpu, ...figures } };
  });
  return [{ kind: 'begin', hours: HOURS, seed: 1, kernel: '7.3', at: '' }, ...samples, ...more];
}

const fault = { kind: 'fault', began: 1000, s: 1010, name: 'a fault', wrong: 0, isMarked: false } as const;

test('a run in which nothing grows and nothing is wrong has no complaint', () => {
  const { text, complaints } = report(record(0, fault));
  assert.deepEqual(complaints, []);
  assert.match(text, /^90 minutes on Linux 7\.3, seed 1:/);
  assert.match(text, /took 10\.0 % of a core/);
  assert.match(text, /\| BPF maps \| [\d.]+ \| [\d.]+ \| [+-]?[\d.]+ \| [^|]+ to [^|]+ \| within noise \|/);
});

test('growth is told of what the agent has, not of what the run makes', () => {
  const { complaints } = report(record(5));
  assert.deepEqual(
    complaints.map((line) => line.replace(/\+.*/, '')),
    ['counting: own memory, MiB grows by ', 'serving: own memory, MiB grows by ', 'BPF maps grows by '],
  );
});

test('the memory of the process that serves is not judged while its history fills', () => {
  const short = record(5).filter((entry) => !('s' in entry) || entry.s < 1800);
  const { text } = report(short.map((entry) => (entry.kind === 'begin' ? { ...entry, hours: 0.5 } : entry)));
  assert.match(text, /\| serving: own memory, MiB \|.*\| not judged \|/);
});

test('wrong figures, failures, what is left, and clients without an answer outside of a fault are told', () => {
  const life = { kind: 'life', s: 20, taps: 2, sent: 100, lost: 5, wrong: 3, marked: 0 } as const;
  const unanswered = { kind: 'asked', what: 'scrape', failure: 'no answer' } as const;
  const { complaints } = report(
    record(
      0,
      { ...fault, wrong: 2 },
      { ...fault, failure: 'it broke' },
      life,
      { ...life, s: 30, wrong: 0, unanswered: 2 },
      { ...unanswered, began: 1005, s: 1012 },
      { ...unanswered, began: 2005, s: 2012 },
      { kind: 'end', s: 5400, left: ['1 × process'], stacks: 1 },
    ),
  );
  assert.deepEqual(complaints, [
    'a fault (second 1010): wrong by 2',
    'a fault (second 1010): it broke',
    'taps of second 20: wrong by 3',
    '2 taps of second 30 were not compared: no page came in time',
    'scrape (second 2012) got no answer: no answer',
    'left behind: 1 × process',
    'the agent printed a stack',
  ]);
});

test('the process that serves is killed before its line begins and after it, and lives through it', () => {
  assert.deepEqual(
    [60, 3000, 5390].map((s) => isFitted(s, HOURS)),
    [false, true, false],
  );
  const names = MILD.map(({ name }) => name);
  assert.ok(names.includes('SIGKILL of the process that serves, idle'));
  assert.ok(names.includes('a tap is renamed under load'));
  assert.ok(!names.some((name) => /^SIGKILL (?!of the process that serves)|SIGTERM/.test(name)), names.join());
});

const SAMPLES = 300;
const RUNS = 300;

/** A first-order process: each sample keeps `kept` of the one before, as memory between two collections does. */
function walk(seed: number, kept: number, slope: number): readonly Point[] {
  const random = randomOf(seed);
  const noise = (): number => (random.below(2001) - 1000) / 1000;
  let level = 0;
  return Array.from({ length: SAMPLES }, (_, at) => {
    level = kept * level + noise();
    return { at, value: 100 + level + slope * at };
  });
}

function foundIn(kept: number, slope: number): number {
  const fits = Array.from({ length: RUNS }, (_, seed) => fitLine(walk(seed, kept, slope)));
  return fits.filter(({ low }) => low > 0).length / RUNS;
}

test("student's t is that of the tables", () => {
  for (const [degrees, t] of [
    [4, 8.61],
    [10, 4.587],
    [30, 3.646],
    [120, 3.373],
  ] as const)
    assert.ok(Math.abs(studentT(degrees) / t - 1) < 0.06, `${degrees}: ${studentT(degrees)}`);
});

test('a line without noise is found as it is', () => {
  const { slope, low, high } = fitLine(Array.from({ length: 10 }, (_, at) => ({ at, value: 5 + 2 * at })));
  assert.ok(Math.abs(slope - 2) < 1e-9);
  assert.deepEqual([low, high], [slope, slope]);
  assert.deepEqual(fitLine([1, 2, 3, 4, 5, 6].map((at) => ({ at, value: 7 }))).slope, 0);
});

test('noise alone is seldom taken for growth, also where samples follow one another', () => {
  assert.ok(foundIn(0, 0) <= 0.01, String(foundIn(0, 0)));
  assert.ok(foundIn(0.9, 0) <= 0.02, String(foundIn(0.9, 0)));
});

test('growth is found', () => {
  assert.ok(foundIn(0, 0.003) > 0.9, String(foundIn(0, 0.003)));
  assert.ok(foundIn(0.9, 0.04) > 0.9, String(foundIn(0.9, 0.04)));
});

test('too few samples are refused', () => {
  assert.throws(() => fitLine([{ at: 0, value: 1 }]), /too few/);
});

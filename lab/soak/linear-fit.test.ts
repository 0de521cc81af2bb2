// SPDX-License-Identifier: Apache-2.0
// Needs: Node.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { randomOf } from '../../test/host/random.ts';
import { fitLine, type Point, studentT } from './linear-fit.ts';

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

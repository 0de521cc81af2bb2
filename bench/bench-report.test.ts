// SPDX-License-Identifier: Apache-2.0
// Needs: Node.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { disagreements, perSecond, type Run, spread } from './bench-report.ts';

const run = (seconds: number, transmitted: number, ...wrong: readonly string[]): Run => ({
  seconds,
  transmitted,
  ...{ lost: 0, droppedBefore: 0, uncopied: 0, workerSeconds: undefined },
  disagreements: wrong,
});

test('the median is the middle one, or between the two in the middle, in any order', () => {
  const cases: readonly (readonly [values: readonly number[], median: number, least: number, most: number])[] = [
    [[7], 7, 7, 7],
    [[9, 1], 5, 1, 9],
    [[100, 9, 20], 20, 9, 100],
    [[4, 1, 3, 100], 3.5, 1, 100],
  ];
  for (const [values, median, least, most] of cases)
    assert.deepEqual(spread(values), { median, least, most }, String(values));
});

test('counts become rates by the time of their own repeat', () => {
  const runs = [run(2, 100), run(0.5, 40), run(1, 90)];
  assert.deepEqual(
    perSecond(runs, ({ transmitted }) => transmitted),
    { median: 80, least: 50, most: 90 },
  );
});

test('each disagreement names its cell and repeat', () => {
  const cell = { kind: 'message', id: 'zero-copy/on/size=9', zeroCopy: true, size: 9 } as const;
  const results = [{ cell, missing: null, runs: [run(1, 1), run(1, 1, 'one', 'two')] }];
  assert.deepEqual(disagreements({ results }), [
    'zero-copy/on/size=9, repeat 2: one',
    'zero-copy/on/size=9, repeat 2: two',
  ]);
});

// SPDX-License-Identifier: Apache-2.0
// Needs: Node.
// Each row of the table at its borders.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { FullTime } from './full-time.ts';
import { type RingFigures, tellApart } from './look-alikes.ts';

const SECONDS = 10;

function full(states: Readonly<Record<string, number>>): FullTime {
  const seconds = Object.values(states).reduce((sum, one) => sum + one, 0);
  return {
    seconds,
    ofWindow: seconds / SECONDS,
    share: (...wanted) => wanted.reduce((sum, state) => sum + (states[state] ?? 0), 0) / seconds,
    uncertain: 0,
    told: '',
  };
}

const used = (ran: number, waited: number): RingFigures['use'] => ({
  ...{ seconds: SECONDS, ran, waited },
  ...{ threads: [1], isBound: false },
});

/** Bursts into a ring of 500, whose reader has most of its time left. */
const bursts: RingFigures = {
  lostShare: 0.5,
  capacity: 500,
  overflows: 20,
  needed: 2000,
  recovers: true,
  neverEmpty: false,
  time: full({ running: 0.1 }),
  use: used(0.05, 0.05),
};

const rows: readonly [host: string, than: Partial<RingFigures>, cause: ReturnType<typeof tellApart>][] = [
  ['bursts', {}, 'burst'],
  ['bursts, and no sample met a full ring', { time: undefined }, 'burst'],
  ['bursts, and nothing counts what the reader did', { use: undefined }, undefined],
  ['a ring of 49 that 1000 would replace', { capacity: 49, needed: 1000, use: used(0.1, 0.9) }, 'short-ring'],
  ['the same, and nothing counts what the reader did', { capacity: 49, needed: 1000, use: undefined }, 'short-ring'],
  ['a ring of 50', { capacity: 50, needed: 1000, use: used(0.1, 0.9) }, 'starved'],
  ['a ring of 49 that 1000 would not replace', { capacity: 49, needed: 1001, use: used(0.1, 0.9) }, 'starved'],
  ['a ring of 49 that was never empty', { capacity: 49, needed: 500, overflows: 0, use: used(0.1, 0.9) }, 'starved'],
  ['a reader that waits nearly always', { lostShare: 0.65, use: used(0.37, 0.63) }, 'starved'],
  ['a reader that runs nearly always', { lostShare: 0.65, use: used(0.63, 0.37) }, 'cpu-bound'],
  ['a reader that is busy for 80 %', { lostShare: 0, use: used(0.8, 0) }, 'cpu-bound'],
  ['a reader that is busy for less', { lostShare: 0, use: used(0.79, 0) }, 'burst'],
  ['a reader that would be busy for 80 % with what was lost', { use: used(0.1, 0.3) }, 'starved'],
  ['a reader that would be busy for less with what was lost', { use: used(0.1, 0.29) }, 'burst'],
  ['a full ring and a sleeping reader', { time: full({ sleeping: 0.01, running: 0.01 }) }, 'still'],
  [
    'a full ring and a reader that slept for the lesser part',
    { time: full({ sleeping: 0.09, running: 0.11 }) },
    'burst',
  ],
  ['less than one sample of a sleeping reader', { time: full({ sleeping: 0.019 }) }, 'burst'],
  ['a sleeping reader that would be busy as well', { use: used(0.1, 0.3), time: full({ sleeping: 3 }) }, 'still'],
  [
    'a ring never empty, of a reader that slept',
    { neverEmpty: true, recovers: false, use: used(0.1, 0.4), time: full({ sleeping: 0.02, waiting: 0.18 }) },
    'still',
  ],
  [
    'a ring never empty, of a reader whose wait was not counted yet',
    { neverEmpty: true, recovers: false, use: used(0, 0.4), time: full({ waiting: 0.95, sleeping: 0.05 }) },
    'starved',
  ],
  [
    'a ring never empty, of a reader that waited',
    { neverEmpty: true, recovers: false, use: used(0.1, 0.5) },
    'starved',
  ],
  ['a ring never empty, of a reader that ran', { neverEmpty: true, recovers: false, use: used(0.5, 0.1) }, 'cpu-bound'],
  ['a ring full for half of what was lost', { time: full({ running: 1, waiting: 1.5 }) }, 'cpu-bound'],
  ['a ring full for less than half of what was lost', { time: full({ running: 1, waiting: 1.4 }) }, 'burst'],
  [
    'a ring full for little more than what was lost, which is little',
    { lostShare: 0.1, time: full({ running: 2 }) },
    'burst',
  ],
  ['a ring full for half of the time', { lostShare: 0.01, time: full({ running: 5 }) }, 'cpu-bound'],
  ['a reader that waits 50 ms at each overflow', { time: full({ waiting: 1 }) }, 'starved'],
  ['a reader that waits less at each overflow', { time: full({ waiting: 0.99 }) }, 'burst'],
  ['a ring that does not recover', { recovers: false }, undefined],
];

for (const [host, than, cause] of rows)
  test(`${host}: ${cause ?? 'samples have to tell'}`, () => assert.equal(tellApart({ ...bursts, ...than }), cause));

// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { pairSection } from './pair-table.ts';
import { readPair } from './read-pair.ts';

const run = (received: number, more: object = {}): object => ({
  ...{ seconds: 0.5, received, lost: 0, there: 0, elsewhere: received, deferred: 0, ...more },
});

test('both builds beside the mail, with the ratio and how far it spreads', () => {
  const pair = readPair({
    plain: [run(10_000), run(20_000, { lost: 20_000 }), run(30_000)],
    cached: [run(11_000, { elsewhere: 0, there: 1100, deferred: 9900 }), run(40_000), run(36_000)],
  });
  assert.deepEqual(pairSection({ kernel: '7.3.4', timed: pair, clocked: pair }).split('\n'), [
    'Linux 7.3.4, 3 runs of each build on two CPUs and 3 on the instruction clock; medians.',
    '',
    '|  | before | after | after / before |',
    '| --- | --: | --: | --: |',
    '| mail: bitrate | 6.08 Gbit/s | 6.36 Gbit/s | 1.046 |',
    '| here: bitrate, two CPUs | 0.48 Gbit/s | 0.86 Gbit/s | 1.800 |',
    '| here: instructions for a packet, one CPU | 25 000 | 13 889 | 0.556 |',
    '| lost at the second tap, two CPUs | 0.0 % | 0.0 % |  |',
    '| freed on the CPU that allocated them | 0.0 % | 0.0 % |  |',
    '| freed on another CPU | 100.0 % | 100.0 % |  |',
    '| given back to the CPU that allocated them | 0.0 % | 0.0 % |  |',
    '',
    'Least and most of the ratio: 1.100 and 2.000 of the bitrate, 0.500 and 0.909 of the instructions.',
  ]);
});

test('a figure that is missing is no zero', () => {
  assert.throws(() => readPair({ plain: [{ seconds: 1 }], cached: [] }), /Expected a number at received/);
});

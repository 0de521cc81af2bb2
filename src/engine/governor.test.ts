// SPDX-License-Identifier: Apache-2.0
// Needs: Node.
import assert from 'node:assert/strict';
import test from 'node:test';
import { packetRate } from './governor.ts';

test('a device that takes its count along hides a flood for one tick only', () => {
  const ticks = [
    { packets: 1e9, atMs: 0 },
    { packets: 0, atMs: 2000 },
    { packets: 2e6, atMs: 4000 },
  ];
  const rates = ticks.slice(1).map((now, i) => packetRate(ticks[i] ?? now, now));
  assert.deepEqual(rates, [0, 1e6]);
});

test('packets of other devices count while programs run for them, and from then on', () => {
  const ticks = [
    { packets: 0, atMs: 0 },
    { packets: 0, ofHost: 5e9, atMs: 2000 },
    { packets: 1000, ofHost: 5e9 + 150_000, atMs: 4000 },
    { packets: 1000, ofHost: 7, atMs: 6000 },
    { packets: 1000, atMs: 8000 },
  ];
  const rates = ticks.slice(1).map((now, i) => packetRate(ticks[i] ?? now, now));
  assert.deepEqual(rates, [0, 75_500, 0, 0]);
});

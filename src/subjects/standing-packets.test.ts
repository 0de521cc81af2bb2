// SPDX-License-Identifier: Apache-2.0
// Needs: Node.
import assert from 'node:assert/strict';
import test from 'node:test';
import { StandingPackets } from './standing-packets.ts';

const TAP = { id: 7n, address: 0xffff_8880n };

/** The sum after looks at these seconds that found so many packets. */
function after(...looks: readonly (readonly [second: number, packets: number])[]): number {
  const standing = new StandingPackets();
  return looks.reduce((_, [second, packets]) => standing.update(TAP, packets, second * 1e9), 0);
}

test('packets that stand count for the time between two looks', () => {
  assert.equal(after([1, 100], [1.5, 100], [2, 100]), 100);
});

test('the fewer of two looks stood in between', () => {
  assert.equal(after([1, 100], [2, 40], [3, 90]), 80);
});

test('bursts that every walk meets, and that are gone between two, count for nothing', () => {
  assert.equal(after([1, 500], [1.05, 0], [2, 500], [2.05, 0], [3, 500]), 0);
});

test('only devices in which something stands are looked at between two walks', () => {
  const standing = new StandingPackets();
  assert.equal(standing.update(TAP, 0, 0), 0);
  assert.deepEqual(standing.now, []);
  standing.update(TAP, 3, 1e9);
  assert.deepEqual(
    standing.now.map(({ id }) => id),
    [7n],
  );
  assert.ok(standing.isStanding(7n));
  standing.keepOnly(new Set());
  assert.ok(!standing.isStanding(7n));
});

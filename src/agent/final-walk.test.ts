// SPDX-License-Identifier: Apache-2.0
// Needs: Node.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { walkedDevice, walkedQueue } from '../../test/snapshots/walked.ts';
import { emptySums, type QueueSums } from '../engine/queue-sums.ts';
import type { LastCounters } from '../subjects/deleted-devices.ts';
import { finalWalk } from './final-walk.ts';

const COUNTERS = { txPackets: 6, txBytes: 600, txDropped: 2, rxPackets: 1, rxBytes: 100, rxDropped: 0 };
const LAST: LastCounters = {
  endedNs: 5n,
  netns: 7,
  ifindex: 3,
  name: 'tap0',
  tunFlags: 2,
  deviceFlags: 1,
  queueLength: 500,
  waiting: 0,
  counters: COUNTERS,
  frameErrors: 4,
  owner: undefined,
};

function sums(counts: Partial<QueueSums>): ReadonlyMap<number, QueueSums> {
  return new Map([[0, { ...emptySums(1), ...counts }]]);
}

test('a device that no sample saw is what was noted as it ended', () => {
  const walked = finalWalk(9n, sums({ enqueued: 10, purged: 4 }), undefined, LAST);
  const { id, netns, name, queues, counters, frameErrors } = walked;
  assert.deepEqual([id, netns, name, queues, frameErrors], [9n, 7, 'tap0', [], 4]);
  assert.deepEqual(counters, COUNTERS);
});

test('a reader took packets after the counters were read: as many as waited, at the most', () => {
  const delivered = (waiting: number, purged: number): number =>
    finalWalk(9n, sums({ enqueued: 10, purged }), undefined, { ...LAST, waiting }).counters.txPackets;
  assert.equal(delivered(4, 1), 9);
  assert.equal(delivered(2, 1), 8, 'more cannot have been taken: what is left is not accounted for');
  assert.equal(delivered(4, 5), 6, 'never fewer than the kernel counted');
});

test('nothing noted the end: what was delivered follows from the rings, since the last sample', () => {
  const before = finalWalk(9n, sums({}), undefined, LAST);
  const then = sums({ enqueued: 8, dropped: [2] });
  const seen = { walked: before, sums: then, sumsAfter: then, isWhole: false };
  const walked = finalWalk(9n, sums({ enqueued: 20, purged: 5, dropped: [3] }), seen, undefined);
  assert.deepEqual(walked.counters, { ...COUNTERS, txPackets: 6 + 12 - 5, txDropped: 3 });
  assert.equal(walked.name, 'tap0');
});

test('a packet that entered while the last sample was taken is delivered once', () => {
  const walked = walkedDevice([walkedQueue(0, 3)], 0);
  const [before, after] = [sums({ enqueued: 2 }), sums({ enqueued: 3 })];
  const end = { ...LAST, waiting: 9, counters: { ...COUNTERS, txPackets: 0 } };
  const delivered = (one: typeof before, other: typeof before): number =>
    finalWalk(9n, sums({ enqueued: 7, purged: 1 }), { walked, sums: one, sumsAfter: other, isWhole: true }, end)
      .counters.txPackets;
  assert.equal(delivered(before, after), 6);
  assert.equal(delivered(before, before), 7, 'what programs did not see is in the walk alone');
});

test('a packet that a reader took while the last sample was taken is delivered once', () => {
  const walked = walkedDevice([walkedQueue(0, 6, { takenSince: 3 })], 3);
  const then = sums({ enqueued: 6 });
  const end = { ...LAST, waiting: 3, counters: { ...COUNTERS, txPackets: 3 } };
  const delivered = (purged: number): number =>
    finalWalk(9n, sums({ enqueued: 6, purged }), { walked, sums: then, sumsAfter: then, isWhole: true }, end).counters
      .txPackets;
  assert.equal(delivered(0), 6);
  assert.equal(delivered(3), 3);
});

test('a packet that was purged while the last sample was taken is not delivered', () => {
  const walked = walkedDevice([walkedQueue(0, 3)], 3);
  const [before, after] = [sums({}), sums({ purged: 3 })];
  const end = { ...LAST, waiting: 3, counters: { ...COUNTERS, txPackets: 3 } };
  const seen = { walked, sums: before, sumsAfter: after, isWhole: true };
  assert.equal(finalWalk(9n, after, seen, end).counters.txPackets, 3);
});

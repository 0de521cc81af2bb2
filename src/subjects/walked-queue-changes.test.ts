// SPDX-License-Identifier: Apache-2.0
// Needs: Node.
import assert from 'node:assert/strict';
import test from 'node:test';
import { walkedDevice, walkedQueue } from '../../test/snapshots/walked.ts';
import type { WalkedDevice } from '../engine/walk.ts';
import { WalkedQueueChanges } from './walked-queue-changes.ts';

/** A device with so many attached queues; `queueChanges`: the kernel's count of those that joined and left. */
function device(attached: number, queueChanges: number | undefined, more: Partial<WalkedDevice> = {}): WalkedDevice {
  const queues = Array.from({ length: attached }, (_, index) => walkedQueue(index, 0));
  return { ...walkedDevice(queues, 0), queueChanges, ...more };
}

test('queues that join or leave are counted, and move none that was seen before', () => {
  const changes = new WalkedQueueChanges();
  assert.deepEqual(changes.update(device(2, 2)), { total: { joined: 0, left: 0 }, changed: false });
  assert.deepEqual(changes.update(device(4, 4)), { total: { joined: 2, left: 0 }, changed: false });
  assert.deepEqual(changes.update(device(1, 7)), { total: { joined: 2, left: 3 }, changed: false });
});

test('where queues joined and left between two walks, one may have moved unseen', () => {
  const changes = new WalkedQueueChanges();
  changes.update(device(3, 3));
  assert.deepEqual(changes.update(device(3, 5)), { total: { joined: 1, left: 1 }, changed: true });
  assert.equal(changes.update(device(3, 5)).changed, false, 'only once');
});

test('a device whose queues left before the first walk', () => {
  assert.equal(new WalkedQueueChanges().update(device(3, 5)).changed, true);
  assert.equal(
    new WalkedQueueChanges().update(device(0, 1)).changed,
    false,
    'the object of the first queue is always there',
  );
});

test('a walk in the middle of a change has half of it', () => {
  const changes = new WalkedQueueChanges();
  changes.update(device(2, 2));
  const half = changes.update(device(3, 2)); // the queue is there, its object is not
  assert.deepEqual(half, { total: { joined: 0, left: 0 }, changed: false }, 'one that joins moves none');
  assert.deepEqual(changes.update(device(3, 3)), { total: { joined: 1, left: 0 }, changed: false });
  const leaving = changes.update(device(2, 3)); // the queue is gone, its object is not
  assert.deepEqual(leaving, { total: { joined: 1, left: 0 }, changed: true }, 'one that leaves may have moved another');
  assert.deepEqual(changes.update(device(2, 4)), { total: { joined: 1, left: 1 }, changed: false });
});

test('queues joined and left, and one is joining: another may have moved', () => {
  const changes = new WalkedQueueChanges();
  changes.update(device(2, 2));
  assert.equal(changes.update(device(3, 4)).changed, true);
});

test('a queue was leaving at the walk before, and one is joining now', () => {
  const changes = new WalkedQueueChanges();
  changes.update(device(2, 2));
  changes.update(device(1, 2));
  assert.equal(changes.update(device(2, 3)).changed, true);
});

test('the only queue comes and goes with the carrier', () => {
  const changes = new WalkedQueueChanges();
  changes.update(device(1, 1, { carrierUps: 0 }));
  assert.deepEqual(changes.update(device(1, 1, { carrierUps: 2 })).total, { joined: 2, left: 2 });
  assert.deepEqual(changes.update(device(0, 1, { carrierUps: 2 })).total, { joined: 2, left: 3 });
  assert.deepEqual(changes.update(device(1, 1, { carrierUps: 3 })), { total: { joined: 3, left: 3 }, changed: false });
});

test('a kernel without sysfs: other files than before', () => {
  const changes = new WalkedQueueChanges();
  assert.deepEqual(changes.update(device(2, undefined)), { total: undefined, changed: false });
  assert.equal(changes.update(device(2, undefined)).changed, false);
  assert.equal(changes.update(device(3, undefined)).changed, true);
});

// SPDX-License-Identifier: Apache-2.0
// Needs: Node.
import assert from 'node:assert/strict';
import test from 'node:test';
import { walkedQueue } from '../../test/snapshots/walked.ts';
import type { WalkedQueue } from '../engine/walk.ts';
import { Renumbering } from './renumbering.ts';

function queue(tunFile: bigint, index: number, occupancy: number, consumerHead: number): WalkedQueue {
  return walkedQueue(index, occupancy, { tunFile, consumerHead });
}

function guest(queue: WalkedQueue, held: number): WalkedQueue {
  return { ...queue, backend: { held, outstanding: undefined, worker: undefined } };
}

const nothing = { before: 0, after: 0 };
const none = { unproduced: nothing, moved: nothing };

test('queues that keep their index are never in doubt', () => {
  const renumbering = new Renumbering();
  assert.equal(renumbering.update([queue(1n, 0, 50, 0), queue(2n, 1, 70, 0)], none), false);
  assert.equal(renumbering.update([queue(1n, 0, 60, 10)], none), false);
});

test('a queue that moved with packets in its ring is settled when as many were taken out, across a wrap too', () => {
  const renumbering = new Renumbering();
  renumbering.update([queue(1n, 0, 0, 0), queue(2n, 1, 30, 90)], none);
  assert.equal(renumbering.update([queue(2n, 0, 30, 90)], none), true);
  assert.equal(renumbering.update([queue(2n, 0, 80, 10)], none), true); // 20 taken, 10 old ones left
  assert.equal(renumbering.update([queue(2n, 0, 80, 20)], none), false);
});

test('an empty ring, a closed queue and a ring that never held anything are settled at once', () => {
  const renumbering = new Renumbering();
  renumbering.update([queue(1n, 0, 0, 0), queue(2n, 1, 30, 0), queue(3n, 2, 30, 0)], none);
  assert.equal(renumbering.update([queue(3n, 0, 30, 0), queue(2n, 1, 30, 0)], none), true);
  assert.equal(renumbering.update([queue(3n, 0, 30, 0), queue(2n, 1, 0, 30)], none), true);
  assert.equal(renumbering.update([queue(2n, 1, 5, 30)], none), false);
  renumbering.update([queue(2n, 1, 0, 35), queue(4n, 2, 0, 0)], none);
  assert.equal(renumbering.update([queue(4n, 0, 0, 0)], none), true, 'it moved');
  assert.equal(renumbering.update([queue(4n, 0, 0, 0)], none), false);
});

test('what vhost-net held at the renumbering is old until it is delivered', () => {
  const renumbering = new Renumbering();
  renumbering.update([queue(1n, 0, 0, 0), guest(queue(2n, 1, 0, 28), 28)], none);
  assert.equal(renumbering.update([guest(queue(2n, 0, 0, 28), 28)], none), true);
  assert.equal(renumbering.update([guest(queue(2n, 0, 10, 28), 1)], none), true, 'ten came, one old one is left');
  assert.equal(renumbering.update([guest(queue(2n, 0, 0, 38), 10)], none), false, 'the ten are held');
});

test('what is given back to the ring is as old as it was', () => {
  const renumbering = new Renumbering();
  renumbering.update([queue(1n, 0, 0, 0), guest(queue(2n, 1, 50, 28), 28)], none);
  renumbering.update([guest(queue(2n, 0, 50, 28), 28)], none);
  const givenBack = { ...none, unproduced: { before: 28, after: 28 } };
  assert.equal(renumbering.update([queue(2n, 0, 78, 0)], givenBack), true);
  assert.equal(renumbering.update([queue(2n, 0, 30, 77)], givenBack), true, 'one of 78 is left');
  assert.equal(renumbering.update([queue(2n, 0, 30, 78)], givenBack), false);
});

test('what is given back during the walk is not taken for a lap of the ring in the next', () => {
  const renumbering = new Renumbering();
  renumbering.update([queue(1n, 0, 0, 0), guest(queue(2n, 1, 50, 28), 28)], none);
  renumbering.update([guest(queue(2n, 0, 50, 28), 28)], { ...none, unproduced: { before: 0, after: 28 } });
  const givenBack = { ...none, unproduced: { before: 28, after: 28 } };
  assert.equal(renumbering.update([queue(2n, 0, 78, 0)], givenBack), true);
  assert.equal(renumbering.update([queue(2n, 0, 78, 0)], givenBack), true);
});

test('moves that two samples do not show are known by their count', () => {
  const renumbering = new Renumbering();
  const once = { ...none, moved: { before: 1, after: 1 } };
  assert.equal(renumbering.update([queue(1n, 0, 0, 0), queue(2n, 1, 30, 0)], once), true, 'before the first sample');
  assert.equal(renumbering.update([queue(1n, 0, 0, 0), queue(2n, 1, 30, 30)], once), false);
  const again = { ...none, moved: { before: 1, after: 2 } };
  assert.equal(renumbering.update([queue(3n, 0, 30, 0), queue(2n, 1, 0, 60)], again), true, 'came as 2, moved to 0');
});

test('where no queue is left none has moved', () => {
  const renumbering = new Renumbering();
  renumbering.update([queue(1n, 0, 30, 0), queue(2n, 1, 30, 0)], none);
  assert.equal(renumbering.update([], { ...none, moved: { before: 1, after: 1 } }), false);
});

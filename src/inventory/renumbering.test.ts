// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import test from 'node:test';
import type { WalkedQueue } from '../probes/walk.ts';
import { Renumbering } from './renumbering.ts';

function queue(tunFile: bigint, index: number, occupancy: number, consumerHead: number, capacity = 100): WalkedQueue {
  return {
    tunFile,
    index,
    occupancy,
    consumerHead,
    capacity,
    lag: 0,
    detached: false,
    stopped: false,
    reader: undefined,
    hasQdisc: true,
    vhost: undefined,
    unsteady: false,
  };
}

test('queues that keep their index are never in doubt', () => {
  const renumbering = new Renumbering();
  assert.equal(renumbering.update([queue(1n, 0, 50, 0), queue(2n, 1, 70, 0)]), false);
  assert.equal(renumbering.update([queue(1n, 0, 60, 10)]), false);
});

test('a queue that moved with packets in its ring is settled when as many were taken out, across a wrap too', () => {
  const renumbering = new Renumbering();
  renumbering.update([queue(1n, 0, 0, 0), queue(2n, 1, 30, 90)]);
  assert.equal(renumbering.update([queue(2n, 0, 30, 90)]), true);
  assert.equal(renumbering.update([queue(2n, 0, 80, 10)]), true); // 20 taken, 10 old ones left
  assert.equal(renumbering.update([queue(2n, 0, 80, 20)]), false);
});

test('an empty ring, a closed queue and a ring that never held anything are settled at once', () => {
  const renumbering = new Renumbering();
  renumbering.update([queue(1n, 0, 0, 0), queue(2n, 1, 30, 0), queue(3n, 2, 30, 0)]);
  assert.equal(renumbering.update([queue(3n, 0, 30, 0), queue(2n, 1, 30, 0)]), true);
  assert.equal(renumbering.update([queue(3n, 0, 30, 0), queue(2n, 1, 0, 30)]), true);
  assert.equal(renumbering.update([queue(2n, 1, 5, 30)]), false);
  renumbering.update([queue(2n, 1, 0, 35), queue(4n, 2, 0, 0)]);
  assert.equal(renumbering.update([queue(4n, 0, 0, 0)]), true, 'it moved');
  assert.equal(renumbering.update([queue(4n, 0, 0, 0)]), false);
});

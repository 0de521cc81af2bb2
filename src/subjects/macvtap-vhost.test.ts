// SPDX-License-Identifier: Apache-2.0
// Needs: Node.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { vhostOf } from './macvtap-vhost.ts';
import { WorkerAffinities } from './worker-affinity.ts';

const worker = { tid: 7, comm: 'vhost-7', cpu: 1, seconds: 2 };
/** None was read yet. */
const NONE = new WorkerAffinities();
const counts = new Map([
  ['zerocopy_tried', 5],
  ['zerocopy_done', 3],
  ['zerocopy_copied', 1],
  ['copied_small', 9],
]);

test('a queue that vhost-net never served has nothing of it', () => {
  assert.equal(vhostOf(undefined, undefined, NONE), undefined);
});

test('vhost-net copies all: what it holds and its worker, and nothing of zero-copy', () => {
  const found = vhostOf({ held: 4, outstanding: undefined, worker }, undefined, NONE);
  assert.deepEqual([found?.held, found?.worker, found?.zeroCopy], [4, worker, undefined]);
});

test('what was tried and what became of it stays when the guest has gone, and nothing is outstanding that is not known', () => {
  const zeroCopy = {
    tried: 5,
    completed: { uncopied: 3, copied: 1 },
    notTried: { small: 9, pending: 0, flush: 0, throttled: 0, other: 0 },
    outstanding: 1,
  };
  assert.deepEqual(vhostOf({ held: 0, outstanding: 1, worker }, counts, NONE)?.zeroCopy, zeroCopy);
  assert.deepEqual(vhostOf(undefined, counts, NONE)?.zeroCopy, { ...zeroCopy, outstanding: undefined });
  assert.equal(vhostOf({ held: 0, outstanding: 0, worker: undefined }, undefined, NONE)?.zeroCopy?.tried, 0);
});

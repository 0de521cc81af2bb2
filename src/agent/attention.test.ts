// SPDX-License-Identifier: Apache-2.0
// Needs: Node.
// What wakes an agent that rests, and when it rests again.
import assert from 'node:assert/strict';
import test from 'node:test';
import { snapshotAt, type TapPlan } from '../../test/snapshots/quiet-host.ts';
import { Attention } from './attention.ts';

/** Whether it is awake behind each second of a tap. */
function awake(tap: TapPlan, seconds: number): readonly boolean[] {
  const attention = new Attention();
  return Array.from({ length: seconds }, (_, second) => {
    attention.see(snapshotAt(second, [tap], {}).devices, second);
    return attention.isAwake(second);
  });
}

const isAlways = (states: readonly boolean[], state: boolean): boolean => states.every((one) => one === state);

test('a tap that loses nothing lets it rest', () => {
  assert.ok(isAlways(awake({}, 5), false));
  assert.ok(isAlways(awake({ queues: [{ delivered: 1000, occupancy: 250, capacity: 1000 }] }, 5), false));
});

test('the first drop wakes it, and a minute after the last one it rests', () => {
  const states = awake({ queues: [{ delivered: 10, lost: (second) => (second === 3 ? 1 : 0) }] }, 70);
  assert.deepEqual([states.indexOf(true), states.lastIndexOf(true)], [3, 62]);
});

test('what was lost before it came is no reason, and neither is what is lost before tun', () => {
  const lostBefore = { queues: [{ dropped: { FULL_RING: () => 0 }, delivered: 1 }], before: { NETFILTER_DROP: 5 } };
  assert.ok(isAlways(awake({ ...lostBefore, before: { 'NETFILTER_DROP@nf_hook_slow': 5 } }, 5), false));
  const attention = new Attention();
  attention.see(snapshotAt(9, [{ queues: [{ lost: 7 }] }], {}).devices, 9);
  assert.equal(attention.isAwake(9), false);
});

test('a device that came under watch and has lost packets wakes it', () => {
  const attention = new Attention();
  attention.see([], 8);
  attention.see(snapshotAt(9, [{ queues: [{ lost: 7 }] }], {}).devices, 9);
  assert.equal(attention.isAwake(9), true);
});

test('so does a ring that is more than a quarter full, and one whose reader takes nothing', () => {
  assert.ok(isAlways(awake({ queues: [{ delivered: 1000, occupancy: 251, capacity: 1000 }] }, 3), true));
  const standing = awake({ queues: [{ delivered: 0, occupancy: 1, capacity: 1000 }] }, 3);
  assert.deepEqual(standing, [false, true, true]);
});

test('so does a stopped queue, a device with IFF_BACKPRESSURE and a person', () => {
  assert.ok(isAlways(awake({ more: () => ({ flowControl: 'backpressure' }) }, 3), true));
  const attention = new Attention();
  attention.want(5);
  assert.deepEqual(
    [4.9 + 60, 5 + 60].map((second) => attention.isAwake(second)),
    [true, false],
  );
});

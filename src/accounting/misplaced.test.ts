// SPDX-License-Identifier: Apache-2.0
// Where programs see what is offered and what is dropped, a drop that none saw looks like a packet that entered the ring.
import assert from 'node:assert/strict';
import test from 'node:test';
import { reading, update } from '../../lab/snapshots/readings.ts';
import { walkedDevice, walkedQueue } from '../../lab/snapshots/walked.ts';
import type { Accounts } from './balance.ts';
import { DeviceAccounting } from './device-accounting.ts';

/** `enqueued` by our programs; what the kernel counts. */
function look(accounting: DeviceAccounting, enqueued: number, full: number, tx: number, txDropped: number): Accounts {
  const walked = walkedDevice([walkedQueue(0, 0)], tx, txDropped);
  return update(accounting, reading({ enqueued, full }, 0, tx, { walked, entries: true }));
}

function figures({ queues, unseen, degraded }: Accounts): unknown {
  const { enqueued, delivered, untraced } = queues.get(0) ?? {};
  return { enqueued, delivered, untraced, unseen, degraded };
}

test('a drop that no program saw is a drop, and not a packet that entered', () => {
  const accounting = new DeviceAccounting(true);
  look(accounting, 100, 10, 100, 10);
  // 50 more were offered: 40 were taken, 9 drops were seen and one was not.
  look(accounting, 141, 19, 140, 20);
  const accounts = look(accounting, 141, 19, 140, 20);
  assert.deepEqual(figures(accounts), {
    enqueued: 140,
    delivered: 140,
    untraced: 1,
    unseen: { enqueued: 0, dropped: 1 },
    degraded: [],
  });
});

test('it is never shown as a packet that entered, not for one sample', () => {
  const accounting = new DeviceAccounting(true);
  look(accounting, 100, 10, 100, 10);
  assert.equal(look(accounting, 141, 19, 140, 20).queues.get(0)?.enqueued, 140);
});

test('a drop of a packet whose entry was not seen either takes nothing from what entered', () => {
  const accounting = new DeviceAccounting(true);
  look(accounting, 100, 10, 100, 10);
  look(accounting, 140, 19, 140, 20);
  const { enqueued, untraced } = look(accounting, 140, 19, 140, 20).queues.get(0) ?? {};
  assert.deepEqual({ enqueued, untraced }, { enqueued: 140, untraced: 1 });
});

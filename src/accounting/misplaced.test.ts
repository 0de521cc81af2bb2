// SPDX-License-Identifier: Apache-2.0
// Where programs see what is offered and what is dropped, a drop that none saw looks like a packet that entered the ring.
import assert from 'node:assert/strict';
import test from 'node:test';
import { reading, update } from '../../lab/snapshots/readings.ts';
import { walkedDevice, walkedQueue } from '../../lab/snapshots/walked.ts';
import type { Books } from './balance.ts';
import { Ledger } from './ledger.ts';

/** `enqueued` by our programs; what the kernel counts. */
function look(ledger: Ledger, enqueued: number, full: number, tx: number, txDropped: number): Books {
  const walked = walkedDevice([walkedQueue(0, 0)], tx, txDropped);
  return update(ledger, reading({ enqueued, full }, 0, tx, { walked, entries: true }));
}

function figures({ queues, unseen, degraded }: Books): unknown {
  const { enqueued, delivered, untraced } = queues.get(0) ?? {};
  return { enqueued, delivered, untraced, unseen, degraded };
}

test('a drop that no program saw is a drop, and not a packet that entered', () => {
  const ledger = new Ledger(true);
  look(ledger, 100, 10, 100, 10);
  // 50 more were offered: 40 were taken, 9 drops were seen and one was not.
  look(ledger, 141, 19, 140, 20);
  const books = look(ledger, 141, 19, 140, 20);
  assert.deepEqual(figures(books), {
    enqueued: 140,
    delivered: 140,
    untraced: 1,
    unseen: { enqueued: 0, dropped: 1 },
    degraded: [],
  });
});

test('it is never shown as a packet that entered, not for one look', () => {
  const ledger = new Ledger(true);
  look(ledger, 100, 10, 100, 10);
  assert.equal(look(ledger, 141, 19, 140, 20).queues.get(0)?.enqueued, 140);
});

test('a drop of a packet whose entry was not seen either takes nothing from what entered', () => {
  const ledger = new Ledger(true);
  look(ledger, 100, 10, 100, 10);
  look(ledger, 140, 19, 140, 20);
  const { enqueued, untraced } = look(ledger, 140, 19, 140, 20).queues.get(0) ?? {};
  assert.deepEqual({ enqueued, untraced }, { enqueued: 140, untraced: 1 });
});

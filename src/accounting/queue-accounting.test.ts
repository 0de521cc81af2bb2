// SPDX-License-Identifier: Apache-2.0
// Needs: Node.
import assert from 'node:assert/strict';
import test from 'node:test';
import { walkedQueue } from '../../test/snapshots/walked.ts';
import { emptySums, type QueueSums } from '../engine/queue-sums.ts';
import { QueueAccounting } from './queue-accounting.ts';
import type { CountingMode, QueueReading } from './queue-reading.ts';

/** Linux 7.3, at both levels. */
const BOTH: CountingMode = { enqueued: 'counted', taken: 'counted' };
const LEAN: CountingMode = { enqueued: 'derived', taken: 'counted' };
/** The mode that level lean had before for a device with one queue. */
const DEVICE: CountingMode = { enqueued: 'derived', taken: 'device' };
const ARITHMETIC: CountingMode = { enqueued: 'counted', taken: 'derived' };

function at(counts: Partial<QueueSums>, waiting: number, more: Partial<QueueReading> = {}): QueueReading {
  const sums = { ...emptySums(16), ...counts };
  return {
    before: sums,
    after: sums,
    ring: walkedQueue(0, waiting),
    takenFromDevice: undefined,
    renumbered: false,
    believable: true,
    atRest: true,
    uncertain: 0,
    ...more,
  };
}

/** The only queue of its device: the kernel's counter allows what it proposes. */
class OnlyBooks extends QueueAccounting {
  override update(...reading: Parameters<QueueAccounting['update']>): void {
    super.update(...reading);
    this.deliver();
  }
}

const shown = ({ enqueued, delivered }: QueueAccounting): readonly number[] => [enqueued, delivered];

test('both sides counted: they are compared', () => {
  const accounts = new OnlyBooks(true);
  accounts.update(BOTH, at({ enqueued: 50, consumed: 30, purged: 5, failed: 2 }, 15));
  assert.deepEqual([...shown(accounts), accounts.imbalance()], [50, 28, 0]);
  accounts.update(BOTH, at({ enqueued: 50, consumed: 33, purged: 5, failed: 2 }, 15));
  assert.equal(accounts.imbalance(), -3, 'three came out that never went in');
});

test('what vhost gives back was not taken', () => {
  const accounts = new OnlyBooks(true);
  accounts.update(BOTH, at({ enqueued: 100, consumed: 64, unproduced: 64, overflowed: 4 }, 96));
  assert.deepEqual([...shown(accounts), accounts.imbalance()], [100, 0, 0]);
});

test('what vhost gives back between the counters and the ring was not taken either', () => {
  for (const mode of [BOTH, LEAN, ARITHMETIC]) {
    const accounts = new OnlyBooks(true);
    const { before } = at({ enqueued: 100, consumed: 64 }, 0);
    const { after, ring } = at({ enqueued: 100, consumed: 64, unproduced: 28 }, 64);
    // Before Linux 7.3 it may be seen nowhere: not yet in the ring, and held no more.
    const seen = mode === ARITHMETIC && ring ? { ...ring, occupancy: 36 } : ring;
    accounts.update(mode, at({}, 0, { before, after, ring: seen, atRest: false }));
    assert.ok(accounts.delivered <= 36 && accounts.enqueued <= 100, `${shown(accounts)} of 36 and 100`);
    accounts.update(mode, { ...at({}, 0), before: after, after, ring });
    assert.deepEqual(shown(accounts), [100, 36]);
  }
});

test('across exact, lean and exact nothing is lost or counted twice', () => {
  const accounts = new OnlyBooks(true);
  accounts.update(BOTH, at({ enqueued: 100, consumed: 40 }, 60));
  // 20 more went in and 10 came out before the first sample of level lean.
  accounts.update(LEAN, at({ enqueued: 100, consumed: 50 }, 70));
  assert.deepEqual(shown(accounts), [120, 50]);
  accounts.update(LEAN, at({ enqueued: 100, consumed: 90 }, 50));
  assert.deepEqual(shown(accounts), [140, 90]);
  accounts.update(BOTH, at({ enqueued: 103, consumed: 95 }, 48)); // 3 more, counted already
  assert.deepEqual([...shown(accounts), accounts.imbalance()], [143, 95, 0]);
  accounts.update(BOTH, at({ enqueued: 110, consumed: 140 }, 10));
  assert.deepEqual([...shown(accounts), accounts.imbalance()], [150, 140, 0]);
});

test('the same where only the device tells what was taken', () => {
  const accounts = new OnlyBooks(true);
  accounts.update(ARITHMETIC, at({ enqueued: 100 }, 60, { takenFromDevice: 40 }));
  // 80 packets were seen to wait; 10 of them were taken before the device was read.
  accounts.update(
    DEVICE,
    at({ enqueued: 100 }, 70, { takenFromDevice: 50, ring: walkedQueue(0, 80, { takenSince: 10 }) }),
  );
  assert.deepEqual(shown(accounts), [120, 50]);
  accounts.update(ARITHMETIC, at({ enqueued: 107 }, 30, { takenFromDevice: 97 }));
  assert.deepEqual(shown(accounts), [127, 97]);
});

test('consumed packets are counted by another index while the queues are renumbered', () => {
  const accounts = new OnlyBooks(true);
  accounts.update(BOTH, at({ enqueued: 30, consumed: 10 }, 20));
  // Its ring went to index 1 with 20 packets, and a ring with 8 came here.
  accounts.update(BOTH, at({ enqueued: 30, consumed: 10 }, 8, { renumbered: true }));
  accounts.update(BOTH, at({ enqueued: 30, consumed: 15 }, 3, { renumbered: true }));
  assert.deepEqual([...shown(accounts), accounts.imbalance()], [30, 10, undefined]);
  assert.equal(accounts.unaudited, true);
  // Now all have been read, here 8 and there 20.
  accounts.update(BOTH, at({ enqueued: 30, consumed: 18 }, 0));
  assert.deepEqual([...shown(accounts), accounts.imbalance()], [30, 30, 0]);
  accounts.update(BOTH, at({ enqueued: 35, consumed: 21 }, 2));
  assert.deepEqual([...shown(accounts), accounts.imbalance()], [35, 33, 0]);
  assert.equal(accounts.unaudited, false);
});

test('a renumbering that ends while packets are taken: what was taken between two samples is not counted twice', () => {
  const accounts = new OnlyBooks(true);
  accounts.update(BOTH, at({ enqueued: 230, consumed: 10 }, 220));
  accounts.update(BOTH, at({ enqueued: 230, consumed: 10 }, 200, { renumbered: true }));
  // 20 of the 230 packets were taken under another index. 61 more are taken between the counters and the ring.
  const { before } = at({ enqueued: 230, consumed: 30 }, 0);
  const { after, ring } = at({ enqueued: 230, consumed: 91 }, 119);
  accounts.update(BOTH, at({}, 0, { before, after, ring, atRest: false }));
  assert.ok(accounts.delivered <= 50, `${accounts.delivered} of the 50 that had been taken`);
  assert.equal(accounts.imbalance(), undefined);
  accounts.update(BOTH, at({ enqueued: 230, consumed: 210 }, 0));
  assert.deepEqual([...shown(accounts), accounts.imbalance()], [230, 230, 0]);
});

test('a renumbering that ends in a snapshot that tells nothing is made up for at the next', () => {
  const accounts = new OnlyBooks(true);
  accounts.update(BOTH, at({ enqueued: 30, consumed: 10 }, 20));
  accounts.update(BOTH, at({ enqueued: 30, consumed: 10 }, 8, { renumbered: true }));
  accounts.update(BOTH, at({ enqueued: 30, consumed: 18 }, 0, { believable: false, atRest: false }));
  accounts.update(BOTH, at({ enqueued: 30, consumed: 18 }, 0));
  assert.deepEqual([...shown(accounts), accounts.imbalance()], [30, 30, 0]);
});

test('a queue that is never at rest is never audited, and says so', () => {
  const accounts = new OnlyBooks(false);
  const busy = { atRest: false };
  accounts.update(BOTH, at({ enqueued: 10, consumed: 5 }, 5, busy));
  accounts.update(BOTH, at({ enqueued: 20, consumed: 18 }, 2, busy));
  assert.deepEqual([accounts.imbalance(), accounts.unaudited], [undefined, true]);
  accounts.update(BOTH, at({ enqueued: 20, consumed: 20 }, 0));
  assert.deepEqual([accounts.imbalance(), accounts.unaudited], [0, false]);
  accounts.update(LEAN, at({ enqueued: 20, consumed: 20 }, 0));
  assert.deepEqual([accounts.imbalance(), accounts.unaudited], [undefined, false], 'nothing to compare');
});

test('what read() took never falls, though vhost-net’s batch is counted before it is counted as taken', () => {
  const accounts = new OnlyBooks(true);
  accounts.update(BOTH, at({ enqueued: 100, consumed: 80, consumedInBatches: 64 }, 20));
  accounts.update(BOTH, at({ enqueued: 100, consumed: 80, consumedInBatches: 84 }, 0));
  assert.equal(accounts.read, 16);
});

test('frames that XDP brings while the ring is looked at are taken from no packet', () => {
  for (const mode of [LEAN, BOTH]) {
    const accounts = new OnlyBooks(true);
    accounts.update(LEAN, at({ consumed: 100 }, 0));
    assert.equal(accounts.transmitted, 100);
    // 40 come and are taken between the counters and the ring, then 30 more wait in it.
    const { before } = at({ enqueued: 40, redirected: 40, consumed: 100 }, 0);
    const { after } = at({ enqueued: 70, redirected: 70, consumed: 140 }, 0);
    accounts.update(LEAN, at({}, 0, { before, after: { ...after, enqueued: 40, redirected: 40 }, atRest: false }));
    assert.equal(accounts.transmitted, 100);
    accounts.update(mode, at({}, 30, { before, after, atRest: false }));
    assert.equal(accounts.transmitted, 100, 'those that wait came by XDP too');
    accounts.update(mode, at({ enqueued: 70, redirected: 70, consumed: 140 }, 30));
    assert.deepEqual([accounts.enqueued, accounts.transmitted], [170, 100]);
    const more = mode === BOTH ? { enqueued: 75 } : { enqueued: 70 };
    accounts.update(mode, at({ ...more, redirected: 70, consumed: 145 }, 30));
    assert.deepEqual([accounts.enqueued, accounts.transmitted], [175, 105]);
  }
});

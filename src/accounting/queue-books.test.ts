// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import test from 'node:test';
import { walkedQueue } from '../../lab/snapshots/walked.ts';
import { emptySums, type QueueSums } from '../engine/queue-sums.ts';
import { QueueBooks, type Regime } from './queue-books.ts';
import type { QueueReading } from './queue-reading.ts';

/** Linux 7.3, at both levels. */
const BOTH: Regime = { enqueued: 'counted', taken: 'counted' };
const LEAN: Regime = { enqueued: 'derived', taken: 'counted' };
/** Before, at level lean, a device with one queue. */
const DEVICE: Regime = { enqueued: 'derived', taken: 'device' };
const ARITHMETIC: Regime = { enqueued: 'counted', taken: 'derived' };

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
    doubtful: 0,
    ...more,
  };
}

/** The only queue of its device: the kernel's counter allows what it proposes. */
class OnlyBooks extends QueueBooks {
  override update(...reading: Parameters<QueueBooks['update']>): void {
    super.update(...reading);
    this.deliver();
  }
}

const shown = ({ enqueued, delivered }: QueueBooks): readonly number[] => [enqueued, delivered];

test('both sides counted: they are compared', () => {
  const books = new OnlyBooks(true);
  books.update(BOTH, at({ enqueued: 50, consumed: 30, purged: 5, failed: 2 }, 15));
  assert.deepEqual([...shown(books), books.imbalance()], [50, 28, 0]);
  books.update(BOTH, at({ enqueued: 50, consumed: 33, purged: 5, failed: 2 }, 15));
  assert.equal(books.imbalance(), -3, 'three came out that never went in');
});

test('what vhost gives back was not taken', () => {
  const books = new OnlyBooks(true);
  books.update(BOTH, at({ enqueued: 100, consumed: 64, unproduced: 64, overflowed: 4 }, 96));
  assert.deepEqual([...shown(books), books.imbalance()], [100, 0, 0]);
});

test('what vhost gives back between the counters and the ring was not taken either', () => {
  for (const regime of [BOTH, LEAN, ARITHMETIC]) {
    const books = new OnlyBooks(true);
    const { before } = at({ enqueued: 100, consumed: 64 }, 0);
    const { after, ring } = at({ enqueued: 100, consumed: 64, unproduced: 28 }, 64);
    // Before Linux 7.3 it may be seen nowhere: not yet in the ring, and held no more.
    const seen = regime === ARITHMETIC && ring ? { ...ring, occupancy: 36 } : ring;
    books.update(regime, at({}, 0, { before, after, ring: seen, atRest: false }));
    assert.ok(books.delivered <= 36 && books.enqueued <= 100, `${shown(books)} of 36 and 100`);
    books.update(regime, { ...at({}, 0), before: after, after, ring });
    assert.deepEqual(shown(books), [100, 36]);
  }
});

test('across exact, lean and exact nothing is lost or counted twice', () => {
  const books = new OnlyBooks(true);
  books.update(BOTH, at({ enqueued: 100, consumed: 40 }, 60));
  // 20 more went in and 10 came out before the first look at level lean.
  books.update(LEAN, at({ enqueued: 100, consumed: 50 }, 70));
  assert.deepEqual(shown(books), [120, 50]);
  books.update(LEAN, at({ enqueued: 100, consumed: 90 }, 50));
  assert.deepEqual(shown(books), [140, 90]);
  books.update(BOTH, at({ enqueued: 103, consumed: 95 }, 48)); // 3 more, counted already
  assert.deepEqual([...shown(books), books.imbalance()], [143, 95, 0]);
  books.update(BOTH, at({ enqueued: 110, consumed: 140 }, 10));
  assert.deepEqual([...shown(books), books.imbalance()], [150, 140, 0]);
});

test('the same where only the device tells what was taken', () => {
  const books = new OnlyBooks(true);
  books.update(ARITHMETIC, at({ enqueued: 100 }, 60, { takenFromDevice: 40 }));
  // Of 80 that were seen to wait 10 were taken before the device was asked.
  books.update(
    DEVICE,
    at({ enqueued: 100 }, 70, { takenFromDevice: 50, ring: walkedQueue(0, 80, { takenSince: 10 }) }),
  );
  assert.deepEqual(shown(books), [120, 50]);
  books.update(ARITHMETIC, at({ enqueued: 107 }, 30, { takenFromDevice: 97 }));
  assert.deepEqual(shown(books), [127, 97]);
});

test('consumed packets are counted by another index while the queues are renumbered', () => {
  const books = new OnlyBooks(true);
  books.update(BOTH, at({ enqueued: 30, consumed: 10 }, 20));
  // Its ring went to index 1 with 20 packets, and a ring with 8 came here.
  books.update(BOTH, at({ enqueued: 30, consumed: 10 }, 8, { renumbered: true }));
  books.update(BOTH, at({ enqueued: 30, consumed: 15 }, 3, { renumbered: true }));
  assert.deepEqual([...shown(books), books.imbalance()], [30, 10, undefined]);
  assert.equal(books.unaudited, true);
  // Now all have been read, here 8 and there 20.
  books.update(BOTH, at({ enqueued: 30, consumed: 18 }, 0));
  assert.deepEqual([...shown(books), books.imbalance()], [30, 30, 0]);
  books.update(BOTH, at({ enqueued: 35, consumed: 21 }, 2));
  assert.deepEqual([...shown(books), books.imbalance()], [35, 33, 0]);
  assert.equal(books.unaudited, false);
});

test('a renumbering that ends while packets are taken: what was taken between two looks is not counted twice', () => {
  const books = new OnlyBooks(true);
  books.update(BOTH, at({ enqueued: 230, consumed: 10 }, 220));
  books.update(BOTH, at({ enqueued: 230, consumed: 10 }, 200, { renumbered: true }));
  // Of 230 packets 20 were taken under another index. 61 more are taken between the counters and the ring.
  const { before } = at({ enqueued: 230, consumed: 30 }, 0);
  const { after, ring } = at({ enqueued: 230, consumed: 91 }, 119);
  books.update(BOTH, at({}, 0, { before, after, ring, atRest: false }));
  assert.ok(books.delivered <= 50, `${books.delivered} of the 50 that had been taken`);
  assert.equal(books.imbalance(), undefined);
  books.update(BOTH, at({ enqueued: 230, consumed: 210 }, 0));
  assert.deepEqual([...shown(books), books.imbalance()], [230, 230, 0]);
});

test('a renumbering that ends in a snapshot that tells nothing is made up for at the next', () => {
  const books = new OnlyBooks(true);
  books.update(BOTH, at({ enqueued: 30, consumed: 10 }, 20));
  books.update(BOTH, at({ enqueued: 30, consumed: 10 }, 8, { renumbered: true }));
  books.update(BOTH, at({ enqueued: 30, consumed: 18 }, 0, { believable: false, atRest: false }));
  books.update(BOTH, at({ enqueued: 30, consumed: 18 }, 0));
  assert.deepEqual([...shown(books), books.imbalance()], [30, 30, 0]);
});

test('a queue that is never at rest is never audited, and says so', () => {
  const books = new OnlyBooks(false);
  const busy = { atRest: false };
  books.update(BOTH, at({ enqueued: 10, consumed: 5 }, 5, busy));
  books.update(BOTH, at({ enqueued: 20, consumed: 18 }, 2, busy));
  assert.deepEqual([books.imbalance(), books.unaudited], [undefined, true]);
  books.update(BOTH, at({ enqueued: 20, consumed: 20 }, 0));
  assert.deepEqual([books.imbalance(), books.unaudited], [0, false]);
  books.update(LEAN, at({ enqueued: 20, consumed: 20 }, 0));
  assert.deepEqual([books.imbalance(), books.unaudited], [undefined, false], 'nothing to compare');
});

test('what read() took never falls, though vhost-net’s batch is counted before it is counted as taken', () => {
  const books = new OnlyBooks(true);
  books.update(BOTH, at({ enqueued: 100, consumed: 80, consumedByVhost: 64 }, 20));
  books.update(BOTH, at({ enqueued: 100, consumed: 80, consumedByVhost: 84 }, 0));
  assert.equal(books.read, 16);
});

test('frames that XDP brings while the ring is looked at are taken from no packet', () => {
  for (const regime of [LEAN, BOTH]) {
    const books = new OnlyBooks(true);
    books.update(LEAN, at({ consumed: 100 }, 0));
    assert.equal(books.transmitted, 100);
    // 40 come and are taken between the counters and the ring, then 30 more wait in it.
    const { before } = at({ enqueued: 40, redirected: 40, consumed: 100 }, 0);
    const { after } = at({ enqueued: 70, redirected: 70, consumed: 140 }, 0);
    books.update(LEAN, at({}, 0, { before, after: { ...after, enqueued: 40, redirected: 40 }, atRest: false }));
    assert.equal(books.transmitted, 100);
    books.update(regime, at({}, 30, { before, after, atRest: false }));
    assert.equal(books.transmitted, 100, 'those that wait came by XDP too');
    books.update(regime, at({ enqueued: 70, redirected: 70, consumed: 140 }, 30));
    assert.deepEqual([books.enqueued, books.transmitted], [170, 100]);
    const more = regime === BOTH ? { enqueued: 75 } : { enqueued: 70 };
    books.update(regime, at({ ...more, redirected: 70, consumed: 145 }, 30));
    assert.deepEqual([books.enqueued, books.transmitted], [175, 105]);
  }
});

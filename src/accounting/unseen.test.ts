// SPDX-License-Identifier: Apache-2.0
// Needs: Node.
// Packets that the kernel counts and our programs did not see, and packets that left by another queue.
import assert from 'node:assert/strict';
import test from 'node:test';
import { type Counts, imbalances, reading, shown, sums, update } from '../../test/snapshots/readings.ts';
import { walkedDevice, walkedQueue } from '../../test/snapshots/walked.ts';
import type { Accounts } from '../engine/subject.ts';
import type { WalkedQueue } from '../engine/walk.ts';
import { DeviceAccounting } from './device-accounting.ts';
import type { Reading } from './device-totals.ts';

test('what our programs did not see of a device of one queue is taken from the kernel’s counters', () => {
  const accounting = new DeviceAccounting(true);
  update(accounting, reading({ enqueued: 10 }, 0, 10));
  const look = (enqueued: number, waiting: number, tx: number, txDropped: number): Accounts =>
    update(
      accounting,
      reading({ enqueued }, waiting, tx, { walked: walkedDevice([walkedQueue(0, waiting)], tx, txDropped) }),
    );
  const shownOf = ({ queues, unseen, audit }: Accounts) => {
    const queue = queues.get(0);
    return [queue?.enqueued, queue?.delivered, queue?.untraced, unseen, audit.map(({ imbalance }) => imbalance)];
  };
  look(100, 20, 90, 4);
  assert.deepEqual(shownOf(look(100, 20, 90, 4)), [110, 90, 4, { enqueued: 10, dropped: 4 }, [0, 0]]);
  const later = look(110, 0, 120, 4);
  assert.deepEqual(shownOf(later), [120, 120, 4, { enqueued: 10, dropped: 4 }, [0, 0]]);
  assert.deepEqual(later.degraded, []);
});

test('under load, what three samples in a row show was not seen; what one sample shows may be on its way', () => {
  const accounting = new DeviceAccounting(true);
  const looks = [
    [100, 107],
    [200, 203],
    [300, 305],
    [400, 406],
    [500, 502],
  ] as const;
  const unseen = looks.map(([enqueued, tx]) => update(accounting, reading({ enqueued }, 0, tx)).unseen.enqueued);
  assert.deepEqual(unseen, [0, 0, 3, 3, 3]);
});

/** Queues without a ring of their own index may have counters. */
function queuesOf(
  counts: readonly Counts[],
  rings: readonly WalkedQueue[],
  tx: number,
  queuesChanged = false,
): Reading {
  const before = new Map(counts.map((count, index) => [index, sums(count)]));
  return { ...reading({}, 0, tx), before, after: before, walked: walkedDevice(rings, tx), queuesChanged };
}

test('of several queues the device is exact, and the mark ends a while after the last packet that was not seen', () => {
  let seconds = 0;
  const accounting = new DeviceAccounting(true, () => seconds);
  const rings = [walkedQueue(0, 0), walkedQueue(1, 0)];
  const look = (): Accounts => update(accounting, queuesOf([{ enqueued: 30 }, { enqueued: 20 }], rings, 57));
  look();
  const accounts = look();
  const { split = '', ...unseen } = accounts.unseen;
  assert.deepEqual([unseen, imbalances(accounts), accounts.degraded], [{ enqueued: 7, dropped: 0 }, [0, 0], []]);
  assert.deepEqual([shown(accounts, 0), shown(accounts, 1)], [30, 20]);
  assert.equal(
    split,
    'the kernel counts 7 packets that our programs did not see, the last 0 s ago: single queues lack them',
  );
  seconds = 29;
  assert.match(look().unseen.split ?? '', /, the last 29 s ago/);
  seconds = 31;
  assert.deepEqual([look().degraded, look().unseen], [[], { enqueued: 7, dropped: 0 }]);
});

/** Two queues whose departures are counted: entries that were seen, and departures. */
function lookCounted(accounting: DeviceAccounting, entries: readonly number[], departures: readonly number[]) {
  const counts = entries.map((enqueued, index) => ({ enqueued, consumed: departures[index] ?? 0 }));
  const rings = [walkedQueue(0, 0), walkedQueue(1, 0)];
  const tx = departures.reduce((sum, one) => sum + one, 0);
  return update(accounting, queuesOf(counts, rings, tx), { enqueued: 'counted', taken: 'counted' });
}

test('queues whose departures are counted deliver all, also packets that no program saw enter', () => {
  let seconds = 0;
  const accounting = new DeviceAccounting(true, () => seconds);
  for (let look = 0; look < 2; look++) lookCounted(accounting, [30, 20], [30, 20]);
  for (const more of [0, 0, 10, 20, 30, 30, 30]) {
    const accounts = lookCounted(accounting, [30 + more, 20 + more], [33 + more, 24 + more]);
    assert.deepEqual([shown(accounts, 0), shown(accounts, 1)], [33 + more, 24 + more]);
    assert.deepEqual([accounts.degraded, imbalances(accounts)], [[], [0, 0]]);
  }
  const { unseen } = lookCounted(accounting, [60, 50], [63, 54]);
  assert.deepEqual([unseen.enqueued, unseen.split?.slice(0, 27)], [7, 'the kernel counts 7 packets']);
  seconds = 31;
  const later = lookCounted(accounting, [60, 50], [63, 54]);
  assert.deepEqual([later.degraded, later.unseen], [[], { enqueued: 7, dropped: 0 }]);
});

test('what one queue has too much and another lacks stays a mark beside packets that no program saw enter', () => {
  const accounting = new DeviceAccounting(true);
  for (let look = 0; look < 2; look++) lookCounted(accounting, [30, 20], [30, 20]);
  for (let look = 0; look < 3; look++) lookCounted(accounting, [30, 29], [41, 25]);
  assert.match(lookCounted(accounting, [30, 29], [41, 25]).degraded[0] ?? '', /^11 packets more came out of the ring/);
});

test('a queue that joined and moved between two walks delivered nothing while the kernel counts nothing', () => {
  const accounting = new DeviceAccounting(true);
  const before = [walkedQueue(0, 0), walkedQueue(1, 0)];
  update(accounting, queuesOf([{}, {}, {}], before, 0));
  // It joined as queue 2, got 11 packets and took the index of queue 1, which left.
  const after = (waiting: number) => [
    walkedQueue(0, 0),
    walkedQueue(1, waiting, { tunFile: 9n, consumerHead: 11 - waiting }),
  ];
  const counts = [{}, {}, { enqueued: 11 }];
  for (const queuesChanged of [true, false, false, false]) {
    const accounts = update(accounting, queuesOf(counts, after(11), 0, queuesChanged));
    assert.deepEqual(
      [0, 1, 2].map((queue) => shown(accounts, queue)),
      [0, 0, 0],
    );
  }
  update(accounting, queuesOf(counts, after(0), 11));
  const drained = update(accounting, queuesOf(counts, after(0), 11));
  assert.deepEqual(
    [0, 1, 2].map((queue) => shown(drained, queue)),
    [0, 0, 11],
  );
  assert.deepEqual([drained.degraded, imbalances(drained), drained.unseen.enqueued], [[], [0, 0], 0]);
});

test('packets offered to one index and thrown out at another are never shown as delivered', () => {
  const accounting = new DeviceAccounting(true);
  const counts = [{}, { purged: 8 }, {}, { enqueued: 8 }];
  const rings = [walkedQueue(0, 0)];
  for (let look = 0; look < 4; look++) update(accounting, queuesOf(counts, rings, 0));
  const rest = update(accounting, queuesOf(counts, rings, 0));
  assert.deepEqual([shown(rest, 1), shown(rest, 3), rest.degraded, imbalances(rest)], [0, 0, [], [0, 0]]);
  const more = [{}, { purged: 8, enqueued: 5 }, {}, { enqueued: 8 }];
  const later = update(accounting, queuesOf(more, rings, 5));
  assert.deepEqual([shown(later, 1), shown(later, 3)], [5, 0]);
});

for (const taken of ['counted', 'derived'] as const)
  test(`a packet that a reader has taken and the kernel has not counted yet; taken is ${taken}`, () => {
    const accounting = new DeviceAccounting(true);
    const rings = [walkedQueue(0, 0), walkedQueue(1, 0)];
    const counts = [
      { enqueued: 30, consumed: 30 },
      { enqueued: 20, consumed: 20 },
    ];
    const look = (tx: number): Accounts =>
      update(accounting, queuesOf(counts, rings, tx), { enqueued: 'counted', taken });
    look(49);
    const accounts = look(50);
    assert.deepEqual([shown(accounts, 0), shown(accounts, 1)], [30, 20]);
    assert.deepEqual(accounts.degraded, []);
  });

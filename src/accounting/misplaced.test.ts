// SPDX-License-Identifier: Apache-2.0
// Needs: Node.
// Where programs see what is offered and what is dropped, a drop that none saw looks like a packet that entered the ring.
import assert from 'node:assert/strict';
import test from 'node:test';
import { ARITHMETIC, type Counts, reading, sums, update } from '../../test/snapshots/readings.ts';
import { walkedDevice, walkedQueue } from '../../test/snapshots/walked.ts';
import type { Accounts } from '../engine/subject.ts';
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

test('under load, packets that have just entered are not taken for drops that were counted as entered', () => {
  const accounting = new DeviceAccounting(true);
  // 5 were lost where there was no qdisc: only the kernel counted them. The 2 newest entered after the ring was looked at.
  const busy = (enqueued: number, tx: number): number | undefined =>
    look(accounting, enqueued, 10, tx, 15).queues.get(0)?.enqueued;
  look(accounting, 100, 10, 98, 15);
  busy(200, 198);
  const moving = [busy(300, 298), busy(400, 398)];
  assert.deepEqual(moving, [295, 398], 'at most what certainly entered');
  busy(402, 402);
  assert.equal(busy(402, 402), 402, 'at rest all of them have entered');
});

test('under load, drops that were counted as entered are taken from what entered as soon as that is certain', () => {
  const accounting = new DeviceAccounting(true);
  const busy = (enqueued: number, tx: number): number | undefined =>
    look(accounting, enqueued, 10, tx, 30).queues.get(0)?.enqueued;
  for (const tx of [100, 200, 300, 400]) busy(tx + 20, tx);
  assert.equal(busy(520, 500), 500);
});

/** The first queue's newest packet is entering; the others are idle. */
function lookEntering(
  accounting: DeviceAccounting,
  queues: number,
  enqueued: number,
  tx: number,
  txDropped: number,
): Accounts {
  const counted = { ...sums({ enqueued }), entering: 1 };
  const before = new Map(Array.from({ length: queues }, (_, index) => [index, index === 0 ? counted : sums({})]));
  const walked = walkedDevice(
    Array.from({ length: queues }, (_, index) => walkedQueue(index, 0)),
    tx,
    txDropped,
  );
  return update(accounting, { ...reading({}, 0, tx), before, after: before, walked, entries: true });
}

test('at rest, drops in doubt are not shown as entered while the newest packet is entering', () => {
  const accounting = new DeviceAccounting(true);
  look(accounting, 99, 0, 99, 0);
  const shown = [1, 2, 3, 4].map(() => lookEntering(accounting, 1, 201, 200, 2));
  assert.ok(shown.every(({ queues }) => (queues.get(0)?.enqueued ?? 0) <= 200));
  assert.deepEqual(shown.at(-1)?.degraded, []);
  look(accounting, 202, 0, 200, 2);
  assert.equal(look(accounting, 202, 0, 200, 2).queues.get(0)?.enqueued, 200);
});

test('drops in doubt do not hold up what the queues of a busy device delivered', () => {
  const accounting = new DeviceAccounting(true);
  let accounts = lookEntering(accounting, 2, 99, 100, 0);
  for (let second = 2; second <= 20; second++)
    accounts = lookEntering(accounting, 2, 100 * second + (second < 4 ? 0 : 3) - 1, 100 * second, second < 4 ? 0 : 3);
  assert.deepEqual([accounts.queues.get(0)?.delivered, accounts.degraded], [1999, []]);
});

test('packets that one sample does not find are not taken for drops', () => {
  const accounting = new DeviceAccounting(true);
  // 5 packets were lost before tun, which only the kernel counted. 40 wait, and the queue is being detached once.
  const busy = (tried: number, waiting: number): Accounts => {
    const [before, after] = [
      new Map([[0, sums({ enqueued: tried - 5 })]]),
      new Map([[0, sums({ enqueued: tried + 5 })]]),
    ];
    const rings = waiting === 0 ? [] : [walkedQueue(0, waiting)];
    const walked = walkedDevice(rings, tried - 40, tried > 100 ? 5 : 0);
    return update(accounting, { ...reading({}, 0, 0), before, after, walked, entries: true });
  };
  for (const tried of [100, 200, 300, 400, 500, 600]) busy(tried, 40);
  busy(700, 0);
  for (const tried of [800, 900, 1000]) busy(tried, 40);
  look(accounting, 1005, 0, 1005, 5);
  const { queues, unseen } = look(accounting, 1005, 0, 1005, 5);
  assert.deepEqual([queues.get(0)?.enqueued, unseen], [1005, { enqueued: 0, dropped: 5 }]);
});

/** Two idle rings of a device; `counted`: programs count what leaves a ring too, as on Linux 7.3. */
function lookAtTwo(
  accounting: DeviceAccounting,
  queues: readonly (Counts & { readonly consumed?: number })[],
  [tx, txDropped]: readonly [number, number],
  mode = ARITHMETIC,
): Accounts {
  const before = new Map(
    queues.map(({ consumed = 0, ...counts }, index) => [index, { ...sums(counts), consumed }] as const),
  );
  const walked = walkedDevice([walkedQueue(0, 0), walkedQueue(1, 0)], tx, txDropped);
  return update(accounting, { ...reading({}, 0, tx), before, after: before, walked, entries: true }, mode);
}

test('of several queues, a drop that no program saw is taken from the queue that drops most', () => {
  let seconds = 0;
  const accounting = new DeviceAccounting(true, () => seconds);
  lookAtTwo(accounting, [{ enqueued: 100 }, { enqueued: 90, full: 9 }], [190, 9]);
  // 3 drops of queue 1 were not seen.
  const look = (more: number): Accounts =>
    lookAtTwo(accounting, [{ enqueued: 100 + more }, { enqueued: 193 + more, full: 9 }], [290 + 2 * more, 12]);
  const shown = [look(0), look(0), look(10), look(10)];
  for (const [sample, { queues }] of shown.entries()) {
    const delivered = [...queues.values()].reduce((sum, queue) => sum + queue.delivered, 0);
    assert.ok(delivered <= (sample < 2 ? 290 : 310), `${delivered} delivered in sample ${sample}`);
  }
  const last = shown.at(-1);
  assert.deepEqual([last?.queues.get(0)?.delivered, last?.queues.get(1)?.delivered], [110, 200]);
  assert.deepEqual([last?.queues.get(1)?.enqueued, last?.unseen.dropped, last?.degraded], [200, 3, []]);
  seconds = 31;
  assert.equal(look(10).unseen.split, undefined);
});

test('of several queues whose rings are audited, it is taken from the queue that had it', () => {
  const accounting = new DeviceAccounting(true);
  const mode = { enqueued: 'counted', taken: 'counted' } as const;
  const look = (tx: number, txDropped: number, first: Counts & { consumed: number }): Accounts =>
    lookAtTwo(accounting, [first, { enqueued: 90, full: 9, consumed: 90 }], [tx, txDropped], mode);
  look(190, 9, { enqueued: 100, consumed: 100 });
  const shown = [1, 2, 3, 4].map(() => look(210, 11, { enqueued: 122, consumed: 120 }));
  assert.deepEqual(
    shown.map(({ queues }) => queues.get(0)?.enqueued),
    [120, 120, 120, 120],
  );
  const last = shown.at(-1);
  assert.deepEqual(last?.queues.get(0)?.audit, [{ equation: 'ring', imbalance: 0 }]);
  assert.deepEqual([last?.queues.get(1)?.delivered, last?.unseen.dropped, last?.degraded], [90, 2, []]);
});

// SPDX-License-Identifier: Apache-2.0
// Needs: Node.
// The accounts, entry by entry. Whether they fit a real kernel is tested in exact.kernel.test.ts and random.slow.kernel.test.ts.
import assert from 'node:assert/strict';
import test from 'node:test';
import { ARITHMETIC, imbalances, reading, shown, sums, update } from '../../test/snapshots/readings.ts';
import { walkedDevice, walkedQueue } from '../../test/snapshots/walked.ts';
import type { QueueSums } from '../engine/queue-sums.ts';
import type { Accounts } from '../engine/subject.ts';
import type { WalkedQueue } from '../engine/walk.ts';
import { DeviceAccounting } from './device-accounting.ts';
import type { CountingMode } from './queue-reading.ts';

test('a device that was made under watch: delivered is what entered and is not there any more', () => {
  const accounting = new DeviceAccounting(true);
  const accounts = update(accounting, reading({ enqueued: 100, full: 7, purged: 10, resized: 20, failed: 5 }, 15, 50));
  assert.equal(shown(accounts), 50);
  assert.deepEqual(imbalances(accounts), [0, 0]);
  assert.deepEqual(accounts.degraded, []);
});

test('a ring that was not empty owes its packets', () => {
  const accounting = new DeviceAccounting(false);
  assert.equal(shown(update(accounting, reading({ enqueued: 3 }, 40, 1000))), 0);
  assert.equal(shown(update(accounting, reading({ enqueued: 5 }, 30, 1012))), 12);
  const accounts = update(accounting, reading({ enqueued: 5 }, 30, 1012));
  assert.equal(shown(accounts), 12);
  assert.deepEqual(imbalances(accounts), [0, 0]);
});

/** Two queues at rest; each is what entered and was taken, what waits and what vhost-net holds. */
function guests(
  queues: readonly (readonly [packets: number, taken: number, waiting: number, held: number])[],
  tx: number,
) {
  const before = new Map(
    queues.map(([enqueued, consumed], index) => [
      index,
      { ...sums({ enqueued }), consumed, consumedInBatches: consumed },
    ]),
  );
  const rings = queues.map(([, , waiting, held], index) =>
    walkedQueue(index, waiting, { backend: { held, outstanding: undefined, worker: undefined } }),
  );
  return { before, after: before, walked: walkedDevice(rings, tx), otherDropped: 0, heldUnseen: false };
}

for (const taken of ['counted', 'derived'] as const) {
  const mode: CountingMode = { enqueued: 'counted', taken };

  test(`what vhost-net holds is not delivered; taken is ${taken}`, () => {
    const accounting = new DeviceAccounting(true);
    const packets = guests(
      [
        [200, 164, 36, 64],
        [30, 30, 0, 10],
      ],
      120,
    );
    const accounts = update(accounting, packets, mode);
    assert.deepEqual([shown(accounts, 0), shown(accounts, 1)], [100, 20]);
    assert.deepEqual([imbalances(accounts), accounts.degraded], [[0, 0], []]);
    assert.deepEqual(imbalances(update(accounting, packets, mode)), [0, 0]);
  });

  test(`what vhost-net held when the accounting began is delivered once; taken is ${taken}`, () => {
    const accounting = new DeviceAccounting(false);
    const steps = [
      { now: guests([[0, 0, 40, 64]], 1000), delivered: 0 },
      { now: guests([[0, 0, 40, 10]], 1054), delivered: 54 },
      { now: guests([[6, 46, 0, 0]], 1110), delivered: 110 },
    ];
    for (const { now, delivered } of steps) {
      for (let look = 0; look < 4; look++) {
        const accounts = update(accounting, now, mode);
        assert.equal(shown(accounts), delivered);
        assert.deepEqual([imbalances(accounts), accounts.degraded], [[0, 0], []]);
      }
    }
  });
}

test('what moved while the accounting began is set right at the first rest, and no more than that', () => {
  const opened = (ahead: number): Accounts => {
    const accounting = new DeviceAccounting(false);
    update(accounting, reading({}, 0, 1000));
    update(accounting, reading({ enqueued: 10 }, 0, 1010 + ahead));
    for (let i = 0; i < 3; i++) update(accounting, reading({ enqueued: 10 }, 0, 1010 + ahead));
    return update(accounting, reading({ enqueued: 10 }, 0, 1010 + ahead));
  };
  assert.deepEqual(imbalances(opened(5)), [0, 0]);
  const unseen = opened(2000);
  assert.deepEqual([imbalances(unseen), unseen.degraded], [[0, 0], []]);
  assert.deepEqual([unseen.queues.get(0)?.enqueued, unseen.unseen], [2010, { enqueued: 2000, dropped: 0 }]);
});

test('a ring that is gone before its packets were freed was not read: the kernel counts no delivery', () => {
  const accounting = new DeviceAccounting(true);
  const two = new Map([
    [0, sums({ enqueued: 10 })],
    [1, sums({ enqueued: 90 })],
  ]);
  const step = (queues: readonly WalkedQueue[]) =>
    update(accounting, {
      before: two,
      after: two,
      walked: walkedDevice(queues, 0),
      otherDropped: 0,
      heldUnseen: false,
    });
  step([walkedQueue(0, 10), walkedQueue(1, 90)]);
  assert.equal(shown(step([walkedQueue(0, 10)]), 1), 0);
});

test('delivered never goes down, and not up while packets are being thrown out', () => {
  const accounting = new DeviceAccounting(true);
  assert.equal(update(accounting, reading({ enqueued: 100 }, 40, 60)).queues.get(0)?.delivered, 60);
  // Enqueued was read before forty more came into the ring.
  assert.equal(update(accounting, reading({ enqueued: 100 }, 80, 60)).queues.get(0)?.delivered, 60);
  const purging = {
    before: new Map([[0, sums({ enqueued: 100 })]]),
    after: new Map([[0, sums({ enqueued: 100, purged: 40 })]]),
  };
  assert.equal(
    update(accounting, reading({}, 0, 60, purging)).queues.get(0)?.delivered,
    60,
    'a purge empties the ring, no reader',
  );
  const resizing = { walked: walkedDevice([walkedQueue(0, 0, { unsteady: true })], 60) };
  assert.equal(
    update(accounting, reading({ enqueued: 100 }, 0, 60, resizing)).queues.get(0)?.delivered,
    60,
    'a resize moves the entries',
  );
});

test('three snapshots at rest that show more delivered than the kernel counts degrade the device', () => {
  const accounting = new DeviceAccounting(true);
  const degraded = (enqueued: number): string => update(accounting, reading({ enqueued }, 0, 25)).degraded.join();
  const accounts = update(accounting, reading({ enqueued: 40 }, 0, 25));
  assert.equal(accounts.degraded.join(), '', 'not yet at rest: some packets may be on their way');
  assert.equal(shown(accounts), 25, 'the only queue delivered what the kernel counts');
  assert.deepEqual([degraded(40), degraded(40)], ['', '']);
  assert.match(degraded(40), /^15 packets left the ring that the kernel does not count/);
  assert.equal(degraded(25), '', 'and it is over when they agree');
});

test('up to a batch that vhost holds is no disagreement where vhost-net is there', () => {
  const held = reading({ enqueued: 64 }, 0, 0);
  const heldByVhost = { ...held, heldUnseen: true };
  const [withVhost, without] = [new DeviceAccounting(true), new DeviceAccounting(true)];
  for (let i = 0; i < 3; i++) update(withVhost, heldByVhost);
  for (let i = 0; i < 3; i++) update(without, held);
  assert.deepEqual(update(withVhost, heldByVhost).degraded, []);
  assert.equal(update(without, held).degraded.length, 1);
});

test('what the core drops is in tx_dropped too; what only tx_dropped knows is an imbalance', () => {
  const noReader = { walked: walkedDevice([], 0, 20), otherDropped: 20 };
  assert.deepEqual(imbalances(update(new DeviceAccounting(true), reading({}, 0, 0, noReader))), [0, 0]);
  const unseen = { walked: walkedDevice([walkedQueue(0, 0)], 0, 20), otherDropped: 0 };
  assert.deepEqual(imbalances(update(new DeviceAccounting(true), reading({}, 0, 0, unseen))), [0, 20]);
});

/** The kernel's tx_dropped and what was lost before tun, sample by sample; all else rests. */
function losses(
  accounting: DeviceAccounting,
  looks: readonly (readonly [txDropped: number, otherDropped: number, mode?: CountingMode])[],
): readonly (readonly number[])[] {
  return looks.map(([txDropped, otherDropped, mode]) => {
    const walked = walkedDevice([walkedQueue(0, 0)], 0, txDropped);
    return imbalances(update(accounting, reading({}, 0, 0, { walked, otherDropped }), mode));
  });
}

test('what the core dropped before the accounting began explains nothing that came later', () => {
  const looks = [
    [500, 500],
    [500, 500],
    [520, 500],
  ] as const;
  assert.deepEqual(losses(new DeviceAccounting(false), looks).at(-1), [0, 20]);
  const lean: CountingMode = { enqueued: 'derived', taken: 'device' };
  const levels = [[500, 500], [500, 500], [500, 500, lean], [500, 500, lean], ...looks] as const;
  assert.deepEqual(losses(new DeviceAccounting(false), levels).at(-1), [0, 20]);
});

test('drops that only the device knew while the agent rested mark it from then on', () => {
  const accounting = new DeviceAccounting(true);
  const resting: CountingMode = { enqueued: 'derived', taken: 'device' };
  losses(accounting, [
    [0, 0],
    [0, 0],
    [500, 0, resting],
    [500, 0, resting],
  ]);
  const walked = walkedDevice([walkedQueue(0, 0)], 0, 500);
  for (let sample = 0; sample < 3; sample++) {
    const { degraded } = update(accounting, reading({}, 0, 0, { walked }));
    assert.match(degraded.join(), /^500 drops of shared packets are known for the device only/);
  }
});

test('a device that has no queue as the agent wakes: what its next queue delivers after that is counted', () => {
  const accounting = new DeviceAccounting(true);
  const resting: CountingMode = { enqueued: 'derived', taken: 'device' };
  const none = new Map<number, QueueSums>();
  const unheld = reading({}, 0, 0, { before: none, after: none, walked: walkedDevice([], 0) });
  for (const mode of [resting, ARITHMETIC]) update(accounting, unheld, mode);
  assert.equal(shown(update(accounting, reading({}, 0, 40), resting)), 40);
});

test('what the core drops while the accounting begins is no difference, under load and later', () => {
  // Lost between the kernel's counter and ours, at each sample.
  const busy = [1, 2, 3, 4, 5].map((second) => [10_000 * second, 10_000 * second + 300] as const);
  const accounting = new DeviceAccounting(false);
  assert.deepEqual(losses(accounting, busy), new Array(5).fill([0, 0]));
  const rest = [50_300, 50_300] as const;
  assert.deepEqual(losses(accounting, [rest, [50_300, 50_800], [50_800, 50_800]]), new Array(3).fill([0, 0]));
  assert.deepEqual(losses(accounting, [[50_820, 50_800]]), [[0, 20]]);
});

test('a queue whose drops came past the offered probe is degraded at once', () => {
  assert.match(
    update(new DeviceAccounting(true), reading({ bypassed: 1, full: 1 }, 0, 0)).degraded.join(),
    /past the offered probe/,
  );
});

test('drops that were on their way when the probes came are no packets past them', () => {
  const accounting = new DeviceAccounting(false);
  assert.deepEqual(update(accounting, reading({ bypassed: 3, full: 3 }, 0, 0)).degraded, []);
  assert.match(update(accounting, reading({ bypassed: 4, full: 4 }, 0, 0)).degraded.join(), /past the offered probe/);
});

test('a renumbered queue with packets in its ring stands still until they have left', () => {
  const accounting = new DeviceAccounting(true);
  const two = new Map([
    [0, sums({ enqueued: 10 })],
    [1, sums({ enqueued: 30 })],
  ]);
  const step = (queues: readonly WalkedQueue[], txPackets: number) =>
    update(accounting, {
      before: two,
      after: two,
      walked: walkedDevice(queues, txPackets),
      otherDropped: 0,
      heldUnseen: false,
    });
  step([walkedQueue(0, 0), walkedQueue(1, 30)], 10);
  const moved = step([walkedQueue(0, 30, { tunFile: 2n })], 10);
  assert.match(moved.degraded.join(), /renumbered/);
  assert.equal(shown(moved, 1), 0, 'its packets are in the ring of index 0 now');
  const drained = step([walkedQueue(0, 0, { tunFile: 2n, consumerHead: 30 })], 40);
  assert.deepEqual([shown(drained), shown(drained, 1), drained.degraded], [10, 30, []]);
});

test('queues that were renumbered before the first sample are audited from the first rest on', () => {
  const accounting = new DeviceAccounting(true);
  const moved = new Map([['queue_moved', 1]]);
  // Queue 1 left, queue 3 took its index with 30 packets, and what came back is queue 3.
  const look = (taken: number, waiting: number) => {
    const before = new Map([
      [0, { ...sums({ enqueued: 0 }), events: moved }],
      [1, { ...sums({ enqueued: 10 }), consumed: 10 + taken }],
      [3, { ...sums({ enqueued: 30 }), consumed: 0 }],
    ]);
    const queues = [walkedQueue(0, 0), walkedQueue(1, waiting, { consumerHead: 30 - waiting }), walkedQueue(3, 0)];
    const seen = { ...reading({}, 0, 0), before, after: before, walked: walkedDevice(queues, 10 + taken) };
    return update(accounting, seen, { enqueued: 'counted', taken: 'counted' });
  };
  assert.match(look(0, 30).degraded.join(), /renumbered/);
  for (let snapshot = 0; snapshot < 4; snapshot++) look(30, 0);
  const accounts = look(30, 0);
  assert.deepEqual(accounts.degraded, []);
  assert.deepEqual([shown(accounts, 1), shown(accounts, 3)], [10, 30]);
  assert.deepEqual(accounts.queues.get(1)?.audit, [{ equation: 'ring', imbalance: 0 }]);
});

test('a queue that is being detached has delivered nothing more, though its ring has no index now', () => {
  const accounting = new DeviceAccounting(true);
  const before = new Map([
    [0, sums({ enqueued: 10 })],
    [1, sums({ enqueued: 60 })],
  ]);
  const seen = { before, after: before };
  update(accounting, {
    ...reading({}, 0, 20),
    ...seen,
    walked: walkedDevice([walkedQueue(0, 0), walkedQueue(1, 50)], 20),
  });
  const leaving = walkedDevice([walkedQueue(0, 0), walkedQueue(1, 50, { detached: true })], 20);
  const accounts = update(accounting, { ...reading({}, 0, 20), ...seen, walked: leaving });
  assert.deepEqual([shown(accounts, 0), shown(accounts, 1)], [10, 10]);
});

test('a detached queue that keeps its packets is told of at the third sample, and until it has none', () => {
  const accounting = new DeviceAccounting(true);
  const look = (kept: number): readonly string[] => {
    const queues = [walkedQueue(0, 0), walkedQueue(0, kept, { detached: true })];
    return update(accounting, reading({ enqueued: 60 }, 0, 10, { walked: walkedDevice(queues, 10) })).degraded;
  };
  assert.deepEqual([look(50), look(50)], [[], []], 'it is being detached');
  assert.match(look(50).join(), /^a detached queue holds packets: .* stand still$/);
  assert.match(look(50).join(), /stand still/);
  assert.doesNotMatch(look(0).join(), /stand still/);
});

// SPDX-License-Identifier: Apache-2.0
// Needs: Node.
// The accounts across changes of level under load, when every sample takes long enough for packets to move: exact at the next rest.
import assert from 'node:assert/strict';
import test from 'node:test';
import { walkedDevice, walkedQueue } from '../../test/snapshots/walked.ts';
import { type DeviceSums, emptySums } from '../engine/queue-sums.ts';
import type { Accounts } from '../engine/subject.ts';
import type { WalkedQueue } from '../engine/walk.ts';
import { DeviceAccounting } from './device-accounting.ts';
import type { CountingMode } from './queue-reading.ts';

const RING = 1000;

/** One queue; packets that ever entered its ring, and those of them that were counted. */
class Traffic {
  readonly #accounting = new DeviceAccounting(true);
  readonly #underLock: boolean;
  entered = 0;
  #counted = 0;
  exact = true;

  constructor(underLock: boolean) {
    this.#underLock = underLock;
  }

  come(packets: number): void {
    this.entered += packets;
    if (this.exact) this.#counted += packets;
  }

  /** Packets come before the walk and after it; `waiting` in the ring at each of the three moments. */
  look(packets: number, waiting: readonly [number, number, number] = [10, 10, 10], unsteady = false): Accounts {
    const before = this.#sums(waiting[0]);
    this.come(packets);
    const walked = walkedDevice([ringOf(0, waiting[1], unsteady)], this.entered - waiting[1]);
    this.come(packets);
    const after = this.#sums(waiting[2]);
    return this.#accounting.update({ before, after, walked, otherDropped: 0, heldUnseen: false }, this.#mode);
  }

  get #mode(): CountingMode {
    const enqueued = this.exact ? 'counted' : 'derived';
    if (this.#underLock) return { enqueued, taken: 'counted' };
    return { enqueued, taken: this.exact ? 'derived' : 'device' };
  }

  #sums(waiting: number): DeviceSums {
    const consumed = this.#underLock ? this.entered - waiting : 0;
    return new Map([[0, { ...emptySums(16), enqueued: this.#counted, offered: this.#counted, consumed }]]);
  }
}

function ringOf(index: number, occupancy: number, unsteady = false): WalkedQueue {
  return walkedQueue(index, occupancy, { capacity: RING, unsteady });
}

for (const [underLock, unsteady] of [
  [true, false],
  [true, true],
  [false, false],
  [false, true],
] as const) {
  const seen = unsteady ? 'in a sample that tells nothing of the ring' : 'under less';
  test(`what is taken is ${underLock ? 'counted' : 'derived'}: shed under load, resumed ${seen}`, () => {
    const traffic = new Traffic(underLock);
    traffic.look(0);
    for (const filling of [10, 810]) {
      traffic.come(1_000_000);
      traffic.look(1000, [10, filling, 10]);
    }
    traffic.exact = false;
    for (let second = 0; second < 3; second++) {
      traffic.come(20_000);
      traffic.look(20);
    }
    traffic.exact = true;
    traffic.come(20_000);
    traffic.look(20, [10, 10, 10], unsteady);
    for (let rest = 0; rest < 5; rest++) traffic.look(0);
    const { queues, audit, degraded } = traffic.look(0);
    const shown = queues.get(0);
    assert.deepEqual([shown?.enqueued, shown?.delivered], [traffic.entered, traffic.entered - 10]);
    assert.deepEqual(
      [audit, shown?.audit].flat().filter((one) => one?.imbalance !== 0),
      [],
    );
    assert.deepEqual(degraded, []);
  });
}

test('a queue that came, and had packets, since the last sample at rest: counting is resumed with them', () => {
  const accounting = new DeviceAccounting(true);
  const look = (exact: boolean, queues: readonly WalkedQueue[], entered: number, txPackets: number): Accounts => {
    const sums: DeviceSums = new Map(queues.map(({ index }) => [index, { ...emptySums(16), enqueued: entered }]));
    const reading = { before: sums, after: sums, walked: walkedDevice(queues, txPackets), otherDropped: 0 };
    const mode: CountingMode = exact
      ? { enqueued: 'counted', taken: 'derived' }
      : { enqueued: 'derived', taken: 'device' };
    return accounting.update({ ...reading, heldUnseen: false }, mode);
  };
  for (let rest = 0; rest < 2; rest++) look(false, [], 0, 0);
  const shown = [0, 0, 3].map((entered) => {
    const { queues, degraded } = look(true, [ringOf(0, 2)], entered, 5 + entered);
    return [queues.get(0)?.enqueued, queues.get(0)?.delivered, degraded];
  });
  assert.deepEqual(shown, [
    [7, 5, []],
    [7, 5, []],
    [10, 8, []],
  ]);
});

test('several queues, derived: what came at level lean and still waits is delivered when it is read', () => {
  const accounting = new DeviceAccounting(true);
  const look = (exact: boolean, waiting: number, txPackets: number): Accounts => {
    const sums = new Map([0, 1].map((index) => [index, { ...emptySums(16), enqueued: 100 }]));
    const walked = walkedDevice([ringOf(0, waiting), ringOf(1, 0)], txPackets);
    const mode: CountingMode = exact
      ? { enqueued: 'counted', taken: 'derived' }
      : { enqueued: 'derived', taken: 'device' };
    return accounting.update({ before: sums, after: sums, walked, otherDropped: 0, heldUnseen: false }, mode);
  };
  for (const exact of [true, true, false, false]) look(exact, exact ? 0 : 500, 200);
  for (let rest = 0; rest < 3; rest++) look(true, 500, 200);
  for (let rest = 0; rest < 5; rest++) look(true, 0, 700);
  const { queues, audit, degraded } = look(true, 0, 700);
  assert.deepEqual(
    [0, 1].map((index) => queues.get(index)?.delivered),
    [600, 100],
  );
  assert.deepEqual([audit.filter(({ imbalance }) => imbalance !== 0), degraded], [[], []]);
});

/** What two queues are told to have had, packets that no queue is told to have had, and why they are marked. */
function splitOf({ queues, unseen, audit, degraded }: Accounts): readonly unknown[] {
  const shown = [0, 1].map((index) => [queues.get(index)?.enqueued, queues.get(index)?.delivered]);
  const wrong = audit.filter(({ imbalance }) => imbalance !== 0);
  return [...shown, unseen.enqueued, unseen.split !== undefined, wrong, degraded];
}

test('several queues, derived: what nothing told apart is the device’s, to the packet, and the queues are marked at once', () => {
  let seconds = 0;
  const accounting = new DeviceAccounting(true, () => seconds);
  /** Counted in each queue, packets that wait in queue 0, and the kernel's tx_packets. */
  const look = (exact: boolean, counted: number, waiting: number, txPackets: number) => {
    seconds++;
    const sums = new Map([0, 1].map((index) => [index, { ...emptySums(16), enqueued: counted }]));
    const walked = walkedDevice([ringOf(0, waiting), ringOf(1, 0)], txPackets);
    const mode: CountingMode = exact
      ? { enqueued: 'counted', taken: 'derived' }
      : { enqueued: 'derived', taken: 'device' };
    return splitOf(accounting.update({ before: sums, after: sums, walked, otherDropped: 0, heldUnseen: false }, mode));
  };
  for (let rest = 0; rest < 2; rest++) look(true, 100, 40, 160);
  // 40 that waited are read, and seven more come: fewer than the tolerance of an opening.
  for (let rest = 0; rest < 2; rest++) look(false, 100, 0, 207);
  const [resumed, ...later] = Array.from({ length: 4 }, () => look(true, 100, 0, 207));
  assert.deepEqual(resumed?.slice(3, 4), [true], 'marked before it is known how many they are');
  const exact = [[100, 100], [100, 100], 7, true, [], []];
  assert.deepEqual(later.at(-1), exact);
  seconds += 60;
  assert.deepEqual(look(true, 105, 1, 216), [[105, 104], [105, 105], 7, false, [], []]);
});

test('several queues that came before what tells them apart: the same', () => {
  const accounting = new DeviceAccounting(true);
  const looks = [true, false, false].map((entriesBegin) => {
    const sums = new Map([0, 1].map((index) => [index, emptySums(16)]));
    const reading = {
      before: sums,
      after: sums,
      walked: walkedDevice([ringOf(0, 3), ringOf(1, 0)], 10),
      otherDropped: 0,
    };
    return splitOf(
      accounting.update({ ...reading, heldUnseen: false, entriesBegin }, { enqueued: 'counted', taken: 'derived' }),
    );
  });
  assert.deepEqual(looks[0]?.slice(3, 4), [true]);
  assert.deepEqual(looks[2], [[3, 0], [0, 0], 10, true, [], []]);
});

test('one queue that came with packets before the program that counts: exact at once, and its drops came past none', () => {
  const accounting = new DeviceAccounting(true);
  const dropped = { dropped: [0, 0, 5], bypassed: 5 };
  for (const entriesBegin of [true, false]) {
    const sums = new Map([[0, { ...emptySums(16), ...dropped }]]);
    const walked = walkedDevice([ringOf(0, 3)], 10, 5);
    const reading = { before: sums, after: sums, walked, otherDropped: 0, heldUnseen: false, entriesBegin };
    const { queues, degraded } = accounting.update(reading, { enqueued: 'counted', taken: 'derived' });
    assert.deepEqual([queues.get(0)?.enqueued, queues.get(0)?.delivered, degraded], [13, 10, []]);
  }
});

test('the program that counts what enters was away between two samples: nothing is lost, and nothing moves for a rest', () => {
  for (const queues of [1, 2]) {
    const accounting = new DeviceAccounting(true);
    const look = (counted: number, txPackets: number, entriesBegin: boolean): readonly unknown[] => {
      const sums = new Map(
        Array.from({ length: queues }, (_, index) => [
          index,
          { ...emptySums(16), enqueued: index === 0 ? counted : 0 },
        ]),
      );
      const walked = walkedDevice(
        Array.from({ length: queues }, (_, index) => ringOf(index, 0)),
        txPackets,
      );
      const reading = { before: sums, after: sums, walked, otherDropped: 0, heldUnseen: false, entriesBegin };
      const { queues: shown, unseen, degraded } = accounting.update(reading, { enqueued: 'counted', taken: 'derived' });
      return [shown.get(0)?.enqueued, shown.get(0)?.delivered, unseen.split !== undefined, degraded];
    };
    for (let rest = 0; rest < 3; rest++) look(100, 100, false);
    const isSplit = queues > 1;
    assert.deepEqual(look(103, 110, true), [isSplit ? 100 : 110, isSplit ? 100 : 110, isSplit, []]);
    const later = [0, 0].map(() => look(105, 112, false));
    assert.deepEqual(later.at(-1), [isSplit ? 102 : 112, isSplit ? 102 : 112, isSplit, []]);
  }
});

test('drops while counting is resumed are no difference', () => {
  const accounting = new DeviceAccounting(true);
  const look = (exact: boolean, dropped: readonly [number, number, number]): Accounts => {
    const sums = (packets: number): DeviceSums =>
      new Map([[0, { ...emptySums(16), enqueued: 100, dropped: [0, 0, packets] }]]);
    const [before, inKernel, after] = dropped;
    const walked = walkedDevice([ringOf(0, 100)], 0, inKernel);
    const reading = { before: sums(before), after: sums(after), walked, otherDropped: 0, heldUnseen: false };
    return accounting.update(reading, { enqueued: exact ? 'counted' : 'derived', taken: 'counted' });
  };
  look(true, [0, 0, 0]);
  look(false, [1000, 1005, 1010]);
  look(true, [2000, 2020, 2040]);
  for (let rest = 0; rest < 5; rest++) look(true, [2040, 2040, 2040]);
  const { audit, degraded } = look(true, [2040, 2040, 2040]);
  assert.deepEqual([audit.filter(({ imbalance }) => imbalance !== 0), degraded], [[], []]);
});

test('disagreements far apart are not three in a row, though nothing ever rests', () => {
  const traffic = new Traffic(true);
  const good = (): Accounts => {
    traffic.come(10_000);
    return traffic.look(7, [10, 10, 10]);
  };
  for (let time = 0; time < 3; time++) {
    for (let second = 0; second < 20; second++) good();
    traffic.look(7, [10, 300, 10]);
  }
  assert.deepEqual(good().degraded, []);
});

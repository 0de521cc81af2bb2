// SPDX-License-Identifier: Apache-2.0
// Needs: Node.
// The accounts where programs see what is offered and what is dropped, and a packet may lie between the two, across changes of level.
import assert from 'node:assert/strict';
import test from 'node:test';
import { randomOf } from '../../test/host/random.ts';
import { walkedDevice, walkedQueue } from '../../test/snapshots/walked.ts';
import { Entered } from '../engine/entered.ts';
import { type DeviceSums, emptySums } from '../engine/queue-sums.ts';
import type { Accounts } from '../engine/subject.ts';
import { DeviceAccounting } from './device-accounting.ts';
import type { CountingMode } from './queue-reading.ts';

const RING = 100;
const SEEDS = 50;

/** A device of one queue that one CPU sends to, as the kernel has it, and what programs count of it. */
class Tap {
  /** Packets that entered, by the kernel. */
  entered = 0;
  delivered = 0;
  dropped = 0;
  exact = true;
  nowMs = 0;
  readonly #underLock: boolean;
  readonly #accounting = new DeviceAccounting(true, () => this.nowMs / 1000);
  readonly #entered = new Entered();
  readonly #row = { offered: 0, dropped: 0, bypassed: 0 };
  /** Was offered, and neither dropped nor queued yet; of a packet whose entry no program saw: false. */
  #onItsWay: { readonly seen: boolean } | undefined;

  constructor(underLock: boolean) {
    this.#underLock = underLock;
  }

  get waiting(): number {
    return this.entered - this.delivered;
  }

  get isIdle(): boolean {
    return this.#onItsWay === undefined;
  }

  change(exact: boolean): void {
    this.exact = exact;
    // The drop of a packet whose entry was not seen would be told as one that came past it.
    if (exact) this.arrive();
  }

  send(packets: number): void {
    for (let packet = 0; packet < packets; packet++) {
      this.offer();
      this.arrive();
    }
  }

  offer(): void {
    this.arrive();
    if (this.exact) this.#row.offered++;
    this.#onItsWay = { seen: this.exact };
  }

  arrive(): void {
    const packet = this.#onItsWay;
    this.#onItsWay = undefined;
    if (!packet) return;
    if (this.waiting < RING) {
      this.entered++;
      return;
    }
    this.dropped++;
    this.#row.dropped++;
    // Programs that are attached know whose drop it is; those at level lean count it by itself.
    if (!packet.seen || !this.exact) this.#row.bypassed++;
  }

  read(packets: number): void {
    this.delivered += Math.min(packets, this.waiting);
  }

  look(meanwhile: () => void = () => undefined): Accounts {
    const before = this.#sums();
    meanwhile();
    const walked = walkedDevice([walkedQueue(0, this.waiting, { capacity: RING })], this.delivered, this.dropped);
    meanwhile();
    const after = this.#sums();
    const reading = { before, after, walked, otherDropped: 0, heldUnseen: false, entries: this.exact };
    return this.#accounting.update(reading, this.#mode());
  }

  #mode(): CountingMode {
    const enqueued = this.exact ? 'counted' : 'derived';
    if (this.#underLock) return { enqueued, taken: 'counted' };
    return { enqueued, taken: this.exact ? 'derived' : 'device' };
  }

  #sums(): DeviceSums {
    const { offered, dropped, bypassed } = this.#row;
    this.#entered.begin(1, offered, this.nowMs);
    const enqueued = this.#entered.update(1, offered, dropped - bypassed, this.nowMs);
    const entering = offered - (dropped - bypassed) - enqueued;
    const sums = { ...emptySums(16), offered, enqueued, entering, bypassed, dropped: [0, 0, dropped] };
    return new Map([[0, { ...sums, consumed: this.#underLock ? this.delivered : 0 }]]);
  }
}

function assertExact(tap: Tap, accounts: Accounts, message?: string): void {
  const { queues, audit, degraded, unseen } = accounts;
  const queue = queues.get(0);
  assert.deepEqual([queue?.enqueued, queue?.delivered], [tap.entered, tap.delivered], message);
  assert.deepEqual(
    [...audit, ...(queue?.audit ?? [])].filter(({ imbalance }) => imbalance !== 0),
    [],
    message,
  );
  assert.deepEqual([degraded, unseen], [[], { enqueued: 0, dropped: 0 }], message);
}

for (const underLock of [false, true]) {
  const taken = underLock ? 'counted' : 'derived';

  test(`one sample after each step, levels change: exact at each; what is taken is ${taken}`, () => {
    const tap = new Tap(underLock);
    for (const exact of [true, false, true, false, true]) {
      tap.change(exact);
      for (const packets of [70, 60]) {
        tap.nowMs += 50;
        tap.send(packets);
        tap.read(25);
        assertExact(tap, tap.look());
      }
    }
  });

  test(`many samples after each step; what is taken is ${taken}`, () => {
    const tap = new Tap(underLock);
    for (const exact of [true, false, true, false, true]) {
      tap.change(exact);
      tap.send(70);
      tap.read(25);
      for (let look = 0; look < 30; look++) {
        tap.nowMs += 50;
        assertExact(tap, tap.look());
      }
    }
  });

  test(`a packet on its way at any time: late, and never too many; what is taken is ${taken}`, () => {
    for (let seed = 1; seed <= SEEDS; seed++) play(new Tap(underLock), seed);
  });
}

function play(tap: Tap, seed: number): void {
  const { below } = randomOf(seed);
  const oneOf = (times: number): boolean => below(times) === 0;
  const move = (): void => {
    if (oneOf(2)) tap.send(below(60));
    if (oneOf(2)) tap.read(below(80));
    if (oneOf(3)) tap.offer();
  };
  let before = 0;
  for (let step = 0; step < 60; step++) {
    if (oneOf(5)) tap.change(!tap.exact);
    move();
    // A packet is on its way for less than a second.
    if (oneOf(4)) tap.arrive();
    tap.nowMs += tap.isIdle ? 1500 : 15;
    const { queues } = tap.look(oneOf(3) ? undefined : move);
    const { enqueued = 0, delivered = 0 } = queues.get(0) ?? {};
    assert.ok(enqueued <= tap.entered, `seed ${seed}: ${enqueued} enqueued of ${tap.entered}`);
    assert.ok(delivered <= tap.delivered, `seed ${seed}: ${delivered} delivered of ${tap.delivered}`);
    assert.ok(enqueued >= before, `seed ${seed}: ${enqueued} enqueued after ${before}`);
    before = enqueued;
  }
  tap.change(true);
  tap.look(move);
  tap.arrive();
  tap.look();
  tap.nowMs += 5;
  assertExact(tap, tap.look(), `seed ${seed}`);
  for (let look = 0; look < 3; look++) {
    tap.nowMs += 1000;
    tap.look();
  }
  assertExact(tap, tap.look(), `seed ${seed}`);
  tap.send(20);
  tap.nowMs += 10;
  assertExact(tap, tap.look(), `seed ${seed}`);
}

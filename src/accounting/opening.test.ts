// SPDX-License-Identifier: Apache-2.0
// Needs: Node.
// The accounts of an agent that comes while packets pass: what moved until they were open is set right at the first rest.
import assert from 'node:assert/strict';
import test from 'node:test';
import { walkedDevice, walkedQueue } from '../../test/snapshots/walked.ts';
import { type DeviceSums, emptySums } from '../engine/queue-sums.ts';
import type { Accounts } from '../engine/subject.ts';
import { DeviceAccounting } from './device-accounting.ts';

const WAITING = 10;

/** Queues that each get as many packets; programs have counted them since `early` before the first sample. */
class Busy {
  readonly #accounting = new DeviceAccounting(false);
  readonly #queues: number;
  readonly #counted: boolean;
  #entered: number;
  exact = true;

  constructor(queues: number, counted: boolean, early: number) {
    this.#queues = queues;
    this.#counted = counted;
    this.#entered = early;
  }

  get delivered(): number {
    return (this.#entered - WAITING) * this.#queues;
  }

  /** So many packets of each queue pass before the walk, and as many after it. */
  look(packets = 0): Accounts {
    const before = this.#sums();
    this.pass(packets);
    const rings = this.#each((index) => walkedQueue(index, WAITING));
    const walked = walkedDevice(rings, 5000 + this.delivered);
    this.pass(packets);
    const enqueued = this.exact ? 'counted' : 'derived';
    const taken = this.#counted ? 'counted' : this.exact ? 'derived' : 'device';
    const reading = { before, after: this.#sums(), walked, otherDropped: 0, heldUnseen: false };
    return this.#accounting.update(reading, { enqueued, taken });
  }

  pass(packets: number): void {
    this.#entered += packets;
    if (!this.exact) this.#uncounted += packets;
  }

  #uncounted = 0;

  #each<Value>(value: (index: number) => Value): Value[] {
    return Array.from({ length: this.#queues }, (_, index) => value(index));
  }

  #sums(): DeviceSums {
    const enqueued = this.#entered - this.#uncounted;
    const consumed = this.#counted ? this.#entered - WAITING : 0;
    return new Map(this.#each((index) => [index, { ...emptySums(16), offered: enqueued, enqueued, consumed }]));
  }
}

function totalOf({ queues }: Accounts, what: 'enqueued' | 'delivered'): number {
  return [...queues.values()].reduce((sum, queue) => sum + queue[what], 0);
}

for (const queues of [1, 2])
  for (const counted of [true, false])
    for (const early of [100, 90_000])
      for (const shed of [false, true])
        test(`${queues} queues, ${early} packets before the first sample, ${counted ? 'counted' : 'derived'}${shed ? ', shed before the first rest' : ''}`, () => {
          if (shed && queues > 1 && !counted) return; // at level lean nothing tells such queues apart
          const busy = new Busy(queues, counted, early);
          busy.look(7);
          for (let second = 0; second < 3; second++) {
            busy.exact = !(shed && second === 1);
            busy.pass(1000);
            busy.look(7);
          }
          for (let look = 0; look < 4; look++) busy.look();
          const [before, delivered] = [busy.look(), busy.delivered];
          busy.pass(500);
          for (let look = 0; look < 8; look++) {
            const accounts = busy.look();
            const grown = (what: 'enqueued' | 'delivered') => totalOf(accounts, what) - totalOf(before, what);
            assert.deepEqual([grown('enqueued'), grown('delivered')], [500 * queues, busy.delivered - delivered]);
            const audits = [...accounts.audit, ...[...accounts.queues.values()].flatMap(({ audit }) => audit)];
            assert.deepEqual(
              audits.filter(({ imbalance }) => imbalance !== 0),
              [],
            );
            assert.deepEqual([accounts.degraded, accounts.unseen], [[], { enqueued: 0, dropped: 0 }]);
          }
        });

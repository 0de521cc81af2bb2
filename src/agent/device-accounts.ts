// SPDX-License-Identifier: Apache-2.0
// The accounts of each device, by what the probes of this moment count.
import { DeviceAccounting } from '../accounting/device-accounting.ts';
import type { CountingMode } from '../accounting/queue-reading.ts';
import { ProbeLosses } from '../engine/probe-losses.ts';
import type { DeviceSums } from '../engine/queue-sums.ts';
import type { Accounts, Hints, Parts } from '../engine/subject.ts';
import type { WalkedDevice } from '../engine/walk.ts';
import type { LostEvents, ProbeState } from '../snapshot/snapshot.ts';
import { mayHaveSeveralQueues } from './device-view.ts';

/** The rows before and after the walk; `isFinal`: the device was deleted, and no other sample will show more. */
interface Around {
  readonly before: DeviceSums;
  readonly after: DeviceSums;
  readonly isFinal: boolean;
}

interface Known {
  readonly accounting: DeviceAccounting;
  /** How often the program that counts what enters rings had come, when this device was last accounted for. */
  comings: number;
}

export class DeviceAccounts {
  readonly #probes: Parts['probes'];
  readonly #can: Parts['probes']['can'];
  readonly #losses: ProbeLosses;
  readonly #devices = new Map<bigint, Known>();
  #lost: readonly string[] = [];
  #states: readonly ProbeState[] = [];
  /** Of these states. */
  #mechanisms = '';
  /** A complete walk has been: a device that appears now was made under watch. */
  #sawAll = false;
  /** Packets are counted as they leave rings, since this sample. */
  #dequeuesBegin = true;
  #dequeued = false;
  /** How often the programs had come that count packets as they leave rings and as they enter them, now and at the sample before. */
  #comings = { dequeues: 0, entries: 0 };
  #before = this.#comings;
  /** Devices of which packets may leave rings uncounted, at level rest: what left is derived then, and at level exact too. */
  readonly #uncountedDequeues = new Set<bigint>();
  readonly #mayRest: boolean;

  /** `mayRest`: the level may become `rest`. */
  constructor({ probes, programs }: Pick<Parts, 'probes' | 'programs'>, mayRest: boolean) {
    this.#probes = probes;
    this.#can = probes.can;
    this.#mayRest = mayRest;
    this.#losses = new ProbeLosses(programs);
  }

  /** Once a sample. The answer names all that each device's accounts depend on beside its own counters. */
  begin(states: readonly ProbeState[], nowNs: number): string {
    this.#lost = this.#losses.sentences(states, this.#probes, nowNs / 1e9);
    const dequeued = this.#can('dequeues');
    this.#before = this.#comings;
    const comings = { dequeues: this.#probes.comings('consumed'), entries: this.#probes.comings('transmit') };
    this.#dequeuesBegin = dequeued && (!this.#dequeued || comings.dequeues !== this.#before.dequeues);
    this.#dequeued = dequeued;
    this.#comings = comings;
    if (states !== this.#states)
      this.#mechanisms = states.map(({ event, mechanism, attached }) => `${event}=${attached && mechanism}`).join();
    this.#states = states;
    return [this.#mechanisms, comings.dequeues, comings.entries, this.#sawAll, ...this.#lost].join();
  }

  walked(complete: boolean): void {
    this.#sawAll ||= complete;
  }

  /** What queues are offered is measured, or follows. */
  get isCounting(): boolean {
    return this.#can('offers') || this.#can('offers-derived');
  }

  /** undefined: not measured. */
  of(walked: WalkedDevice, hints: Hints, { before, after, isFinal }: Around): Accounts | undefined {
    if (!this.isCounting || !this.#can('drops')) return undefined;
    const known = this.#devices.get(walked.id) ?? {
      accounting: new DeviceAccounting(this.#isSeenFromStart(walked)),
      comings: this.#before.entries,
    };
    this.#devices.set(walked.id, known);
    const entriesBegin = this.#can('offers') && known.comings !== this.#comings.entries;
    known.comings = this.#comings.entries;
    if (!this.#dequeued || (this.#mayRest && !mayHaveSeveralQueues(walked))) this.#uncountedDequeues.add(walked.id);
    const { otherDropped = 0, framesDropped = 0, queuesChanged = false, heldUnseen = false } = hints;
    const reading = {
      before,
      after,
      walked: framesDropped === 0 ? walked : withoutFrames(walked, framesDropped),
      otherDropped,
      heldUnseen,
      queuesChanged,
      entriesBegin,
      entries: this.#can('entry-only'),
    };
    const mode = this.#mode(walked.id);
    const accounts = isFinal ? known.accounting.finish(reading, mode) : known.accounting.update(reading, mode);
    return { ...accounts, degraded: [...accounts.degraded, ...this.#lost] };
  }

  /** Not where its packets may have left a ring before the program came that counts them. */
  #isSeenFromStart({ counters }: WalkedDevice): boolean {
    return this.#sawAll && !(this.#dequeuesBegin && counters.txPackets > 0);
  }

  /** Marks of the device's own, which last for a while. */
  isMarked({
    degraded,
    unseen,
  }: {
    readonly degraded: readonly string[];
    readonly unseen?: Accounts['unseen'] | undefined;
  }): boolean {
    return degraded.length > this.#lost.length || unseen?.split !== undefined;
  }

  lostEvents(): readonly LostEvents[] {
    return this.#losses.events();
  }

  remove(gone: ReadonlySet<bigint>): void {
    for (const id of gone) {
      this.#devices.delete(id);
      this.#uncountedDequeues.delete(id);
    }
  }

  #mode(id: bigint): CountingMode {
    if (this.#can('offers-derived'))
      return { enqueued: 'derived', taken: this.#countsDequeues(id) ? 'counted' : 'device' };
    const isDerived = this.#can('dequeues-derived') || this.#dequeued;
    return { enqueued: 'counted', taken: this.#countsDequeues(id) ? 'counted' : isDerived ? 'derived' : 'device' };
  }

  #countsDequeues(id: bigint): boolean {
    return this.#dequeued && !this.#uncountedDequeues.has(id);
  }
}

/** tx_dropped without the frames in it: the accounts compare the rest with drops of packets. */
function withoutFrames(walked: WalkedDevice, frames: number): WalkedDevice {
  return { ...walked, counters: { ...walked.counters, txDropped: walked.counters.txDropped - frames } };
}

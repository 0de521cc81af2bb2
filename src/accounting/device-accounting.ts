// SPDX-License-Identifier: Apache-2.0
// The accounting of one device: what each queue delivered, by arithmetic, and whether that agrees with the kernel's own counters.

import { emptySums, sumOf } from '../engine/queue-sums.ts';
import type { Accounts } from '../engine/subject.ts';
import { BACKEND_BATCH } from '../snapshot/queue.ts';
import { auditsOf, balancesOf, ringsOf } from './audits.ts';
import { Deliveries } from './deliveries.ts';
import {
  attachedOf,
  countOf,
  fingerprintOf,
  moved,
  NO_OFFSET,
  narrowed,
  type Reading,
  type Totals,
  totalsOf,
  unseenOf,
} from './device-totals.ts';
import {
  aheadOfKernel,
  type Books,
  deliveredAtMost,
  deliveredByKernel,
  deliveredByPrograms,
  droppedUnseen,
  missing,
  tooMany,
} from './equations.ts';
import { Marks, PATIENCE } from './marks.ts';
import { PreTunLosses } from './pre-tun-losses.ts';
import { QueueAccounting } from './queue-accounting.ts';
import type { CountingMode } from './queue-reading.ts';
import { Renumbering } from './renumbering.ts';
import { believed, enteringOf } from './unseen.ts';
import { UnseenInDevice } from './unseen-in-device.ts';

/** Until two samples in a row were equal, and what that settles is settled. */
const FINAL_SAMPLES = 4;
const NO_BASE = { delivered: 0, dropped: 0 };

/** Shown figures are exact at rest; while packets move, they are what has certainly happened, and never go down. */
export class DeviceAccounting {
  readonly #observedFromStart: boolean;
  readonly #queues = new Map<number, QueueAccounting>();
  readonly #renumbering = new Renumbering();
  /** The kernel's own counters when the accounting began. */
  #base: { readonly delivered: number; readonly dropped: number } | undefined;
  readonly #others = new PreTunLosses();
  /** Packets that moved while the accounting began, until the first rest. */
  #tolerance = 0;
  #offset = NO_OFFSET;
  #mode: CountingMode | undefined;
  #last: string | undefined;
  /** Looks in a row that found packets in a detached queue's ring. */
  #leaving = 0;
  readonly #marks = new Marks();
  readonly #deliveries = new Deliveries();
  /** Drops that no queue's figures have, for as long as the device lives. */
  #sharedBefore = 0;
  readonly #unseen = new UnseenInDevice();
  readonly #nowSeconds: () => number;

  /** observedFromStart: the device appeared under watch, so that its accounts begin with zeros. */
  constructor(observedFromStart: boolean, nowSeconds: () => number = () => performance.now() / 1000) {
    this.#observedFromStart = observedFromStart;
    this.#nowSeconds = nowSeconds;
    if (observedFromStart) this.#base = NO_BASE;
  }

  /** Of a device that was deleted: nothing moves any more, and what rests on equal samples is decided at once. */
  finish(read: Reading, mode: CountingMode): Accounts {
    let accounts = this.update(read, mode);
    for (let sample = 1; sample < FINAL_SAMPLES; sample += 1)
      accounts = this.update({ ...read, entriesBegin: false }, mode);
    return accounts;
  }

  update(read: Reading, mode: CountingMode): Accounts {
    if (read.entriesBegin && mode.enqueued === 'counted' && this.#mode?.enqueued === 'counted') this.#miss(read, mode);
    const fingerprint = fingerprintOf(read);
    const atRest = fingerprint === this.#last;
    const reading = this.#believed(read, mode, atRest);
    const totals = totalsOf(reading);
    // A correction for good waits until it is known which packets entered.
    const isSettled = atRest && enteringOf(reading) === 0;
    const renumbered = this.#renumbering.update(attachedOf(reading.walked), {
      unproduced: countOf(reading, ({ unproduced }) => unproduced),
      moved: countOf(reading, ({ events }) => events.get('queue_moved') ?? 0),
      seen: reading.queuesChanged ?? false,
    });
    if (this.#base === undefined) this.#open(reading, totals, mode);
    const isResumed = this.#changes(mode) || (this.#mode === undefined && reading.entriesBegin === true);
    this.#addQueues(reading, mode);
    this.#enter(mode, reading, totals);
    this.#updateQueues(reading, mode, totals, renumbered, isSettled);
    this.#last = fingerprint;
    if (isResumed) this.#resumeSplit(reading, totals, mode);
    const still = isSettled && !renumbered && this.#leaving === 0 && totals.waiting + totals.held === 0;
    const [counted, drained] = [mode.taken === 'counted', still && mode.taken === 'derived'];
    const [most, changed] = [deliveredAtMost(reading, counted, this.#books()), reading.queuesChanged ?? renumbered];
    const limits = { most, counted, changed, drained };
    this.#deliveries.update([...this.#queues.values()], limits, this.#nowSeconds());
    if (atRest) this.#narrow(reading, totals, mode);
    if (mode.enqueued === 'counted') this.#addUnseen(reading, totals, atRest, isSettled);
    const audit = this.#audit(reading, totals, mode);
    const degraded = this.#judge(audit, reading, totals, mode, atRest);
    this.#others.seen(reading.otherDropped);
    if (this.#leaving >= PATIENCE)
      degraded.push('a detached queue holds packets: until they are taken, figures of single queues stand still');
    if (renumbered) degraded.push('queues were renumbered with packets in the ring');
    const unseen = this.#unseen.shown(this.#queues.size > 1, this.#nowSeconds());
    const queues = balancesOf(this.#queues, mode, this.#unseen.untracedOf);
    return { queues, audit, degraded, unseen, dequeuesCounted: mode.taken === 'counted' };
  }

  /** The program that counts what enters was away since the last sample, and is back: as if a sample had been taken meanwhile. */
  #miss(read: Reading, { taken }: CountingMode): void {
    this.update(read, { enqueued: 'derived', taken: taken === 'derived' ? 'device' : taken });
    this.#last = ''; // two samples tell a rest, and this is the first of them
  }

  /** Not in the first sample after a change of level: what no program counted then is in no account yet. */
  #believed(reading: Reading, mode: CountingMode, atRest: boolean): Reading {
    if (!this.#base || this.#changes(mode) || enteringOf(reading) === 0) return reading;
    const uncounted = this.#books().uncounted + this.#tolerance + this.#offset.entered;
    return believed(reading, this.#base.delivered, uncounted, atRest);
  }

  /** A queue that came since the last sample may have had packets before the level changed. */
  #addQueues({ before, walked, entriesBegin }: Reading, mode: CountingMode): void {
    const isObserved = this.#observedFromStart || this.#last !== undefined;
    const uncounted: CountingMode | undefined =
      isObserved && entriesBegin ? { ...mode, enqueued: 'derived' } : undefined;
    for (const index of [...attachedOf(walked).map((queue) => queue.index), ...before.keys()])
      if (!this.#queues.has(index)) this.#queues.set(index, new QueueAccounting(isObserved, this.#mode ?? uncounted));
  }

  #updateQueues(reading: Reading, mode: CountingMode, totals: Totals, renumbered: boolean, isSettled: boolean): void {
    const { before, after, walked } = reading;
    const rings = new Map(attachedOf(walked).map((queue) => [queue.index, queue]));
    // A queue that is being detached has its packets in a ring of no index, until they are thrown out.
    const leaving = walked.queues.some(({ detached, occupancy }) => detached && occupancy > 0);
    this.#leaving = leaving ? this.#leaving + 1 : 0;
    const uncertain = this.#uncertain(reading);
    const believable = !leaving && aheadOfKernel(reading, totals, mode, this.#books()) <= this.#tolerance + uncertain;
    // E2, of a queue that is alone.
    const taken = this.#base && walked.counters.txPackets - this.#base.delivered + totals.failed + totals.held;
    for (const [index, queue] of this.#queues) {
      const none = emptySums(0);
      queue.update(mode, {
        before: before.get(index) ?? none,
        after: after.get(index) ?? none,
        ring: rings.get(index),
        takenFromDevice: this.#queues.size === 1 ? taken : undefined,
        renumbered,
        believable,
        atRest: isSettled,
        uncertain,
      });
    }
  }

  /** Packets that may be among those that entered, though they were dropped: the kernel counts drops that no program saw. */
  #uncertain({ entries, walked, before, otherDropped }: Reading): number {
    if (!entries || !this.#base) return 0;
    const unseen =
      droppedUnseen(walked, before, this.#books()) - this.#others.explained(otherDropped) - this.#tolerance;
    return Math.max(0, unseen) + this.#unseen.doubtful;
  }

  #addUnseen(reading: Reading, totals: Totals, atRest: boolean, isSettled: boolean): void {
    if (!this.#base) return;
    const { walked, after, otherDropped, entries } = reading;
    const differences = {
      missing: missing(reading, totals, atRest, this.#books()) - this.#offset.entered - this.#tolerance,
      dropped: () =>
        droppedUnseen(walked, after, this.#books()) - (this.#others.explained(otherDropped) + this.#tolerance),
      tooMany: () => tooMany(reading, totals, this.#books()),
    };
    const moment = { entries: entries === true, atRest, isSettled, nowSeconds: this.#nowSeconds() };
    this.#unseen.add(this.#queues, after, differences, moment);
  }

  /** As they are at this moment. */
  #books(): Books {
    const queues = [...this.#queues.values()];
    const { unassigned, untraced } = this.#unseen;
    return {
      base: this.#base ?? NO_BASE,
      offset: this.#offset,
      tolerance: this.#tolerance,
      uncounted: sumOf(queues.map(({ uncounted }) => uncounted)) + unassigned,
      unassigned,
      untraced,
      heldBefore: sumOf(queues.map(({ heldBefore }) => heldBefore)),
    };
  }

  /**
   * Going back to counting begins anew against the kernel's counters: drops of shared packets were not seen meanwhile.
   */
  #enter(mode: CountingMode, reading: Reading, { dropped }: Totals): void {
    if (this.#changes(mode)) {
      this.#tolerance = BACKEND_BATCH + moved(reading);
      this.#unseen.restart();
    }
    const isResumed = this.#changes(mode) && mode.enqueued === 'counted';
    this.#mode = mode;
    if (!isResumed) return;
    const shared = this.#sharedDrops(reading, dropped);
    if (shared > this.#tolerance) this.#sharedBefore += shared;
    this.#others.open(reading.otherDropped);
    this.#unseen.forgetDrops();
    // Packets taken out of the ring are counted on, at each level.
    this.#offset = mode.taken === 'counted' || this.#queues.size > 1 ? { ...this.#offset, dropped: 0 } : NO_OFFSET;
    if (this.#queues.size > 1 && mode.taken === 'counted') this.#base = undefined;
    if (this.#base) this.#base = { ...this.#base, dropped: reading.walked.counters.txDropped - dropped };
  }

  /** Of several queues nothing was seen meanwhile where nothing counts what leaves them: the device has what came. */
  #resumeSplit(reading: Reading, totals: Totals, mode: CountingMode): void {
    const isUnsplit = mode.enqueued === 'counted' && mode.taken === 'derived' && this.#queues.size > 1;
    const came = isUnsplit && missing(reading, totals, true, this.#books()) > this.#offset.entered;
    this.#unseen.beginSplit(isUnsplit, came, this.#nowSeconds());
  }

  #changes({ enqueued }: CountingMode): boolean {
    return this.#mode !== undefined && this.#mode.enqueued !== enqueued;
  }

  /** The kernel's counters of this moment belong to what is shown at this moment, give or take what moved while it was read. */
  #open(reading: Reading, totals: Totals, mode: CountingMode): void {
    const { txPackets, txDropped } = reading.walked.counters;
    const delivered = sumOf([...this.#queues.values()].map(({ delivered }) => delivered));
    this.#base = { delivered: txPackets - delivered, dropped: txDropped - totals.dropped };
    // Programs have counted since they were attached, all that passed.
    const held = this.#queues.size === 0 ? totals.held : 0;
    const early = mode.taken === 'counted' ? deliveredByPrograms(totals, mode, this.#books()) + held - delivered : 0;
    this.#offset = { delivered: early, dropped: 0, entered: -early };
    this.#others.open(reading.otherDropped);
    this.#tolerance = BACKEND_BATCH + moved(reading);
    this.#unseen.forgetPackets();
  }

  /** Corrects the audit at the first rest, by what moved at the opening at most: entering packets count as entered. */
  #narrow(reading: Reading, totals: Totals, mode: CountingMode): void {
    if (!this.#base || this.#tolerance === 0) return;
    const { txPackets, txDropped } = reading.walked.counters;
    const entering = enteringOf(reading);
    const { doubtful, isUnsplit } = this.#unseen;
    const delivered =
      deliveredByPrograms(totals, mode, this.#books()) + (mode.taken === 'derived' ? entering - doubtful : 0);
    const now = {
      delivered: mode.taken === 'device' ? 0 : delivered - (txPackets - this.#base.delivered),
      dropped: this.#others.settle(txDropped - this.#base.dropped - totals.dropped - this.#unseen.untraced),
    };
    const entered =
      mode.enqueued === 'counted' ? missing(reading, totals, true, this.#books()) + doubtful : -now.delivered;
    const known = isUnsplit ? { dropped: now.dropped } : { ...now, entered };
    this.#offset = narrowed(this.#offset, known, this.#tolerance);
    if (entering > 0) return;
    const [only] = this.#queues.values();
    if (only && this.#queues.size === 1) {
      only.align(this.#offset.entered, mode.taken === 'counted' ? -this.#offset.delivered : 0);
      this.#offset = { ...NO_OFFSET, dropped: this.#offset.dropped };
    }
    this.#tolerance = 0;
    this.#unseen.endSplit();
  }

  #audit(reading: Reading, totals: Totals, mode: CountingMode): Accounts['audit'] {
    if (this.#base === undefined) return [];
    const { walked, before, otherDropped } = reading;
    const books = this.#books();
    return auditsOf(mode, {
      delivered: deliveredByPrograms(totals, mode, books) - deliveredByKernel(walked, books),
      entering: enteringOf(reading),
      doubtful: this.#unseen.doubtful,
      dropped: droppedUnseen(walked, before, books),
      explained: this.#others.explained(otherDropped),
    });
  }

  #judge(audit: Accounts['audit'], reading: Reading, totals: Totals, mode: CountingMode, atRest: boolean): string[] {
    const { walked, before } = reading;
    const tolerance =
      this.#tolerance + (atRest ? 0 : BACKEND_BATCH + moved(reading)) + unseenOf(walked, reading.heldUnseen);
    const rings = ringsOf([...this.#queues.values()], this.#unseen.unassigned, tolerance);
    const now = this.#nowSeconds();
    const bypassed = sumOf([...before].map(([index, sums]) => this.#queues.get(index)?.bypassed(sums) ?? 0));
    const degraded = [
      ...this.#marks.ofBypassed(bypassed, now),
      ...this.#marks.ofAudits([...audit, ...rings], tolerance, atRest),
      ...this.#deliveries.sentences(PATIENCE, now),
    ];
    const shared = mode.enqueued === 'derived' ? this.#sharedDrops(reading, totals.dropped) : 0;
    const known = this.#sharedBefore + (shared > tolerance ? shared : 0);
    if (known > 0)
      degraded.push(`${known} drops of shared packets are known for the device only: they came at level rest or lean`);
    return degraded;
  }

  /** Since the accounts were last opened, in the device's tx_dropped and in nothing else: no tracepoint tells of them. */
  #sharedDrops({ walked, otherDropped }: Reading, dropped: number): number {
    if (!this.#base) return 0;
    return walked.counters.txDropped - this.#base.dropped - dropped - this.#others.explained(otherDropped);
  }
}

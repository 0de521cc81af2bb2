// SPDX-License-Identifier: Apache-2.0
// The books of one device: what each queue delivered, by arithmetic, and whether that agrees with the kernel's own counters.
import { emptySums } from '../engine/queue-sums.ts';
import type { WalkedDevice } from '../engine/walk.ts';
import type { AuditResult } from '../snapshot.ts';
import { auditsOf } from './audits.ts';
import type { Books, QueueBalance } from './balance.ts';
import { Deliveries } from './deliveries.ts';
import {
  attachedOf,
  countOf,
  fingerprintOf,
  moved,
  type Reading,
  sumOf,
  type Totals,
  totalsOf,
  unseenOf,
} from './device-totals.ts';
import { believed, enteringOf } from './entering.ts';
import { Marks, PATIENCE, unseenPackets } from './marks.ts';
import { NO_OFFSET, narrowed } from './opening.ts';
import { OtherLosses } from './other-losses.ts';
import { QueueBooks, type Regime, VHOST_BATCH } from './queue-books.ts';
import { Renumbering } from './renumbering.ts';
import { leftOrWaiting, Unseen } from './unseen.ts';

/**
 * What is shown is exact at rest; while packets move it is what was certainly enqueued and delivered, and never goes down.
 */
export class Ledger {
  readonly #born: boolean;
  readonly #books = new Map<number, QueueBooks>();
  readonly #renumbering = new Renumbering();
  /** The kernel's own counters when the books were opened. */
  #base: { readonly delivered: number; readonly dropped: number } | undefined;
  readonly #others = new OtherLosses();
  /** Packets that moved while the books were opened, until the first rest. */
  #doubt = 0;
  #offset = NO_OFFSET;
  #regime: Regime | undefined;
  #last: string | undefined;
  /** Looks in a row that found packets in a detached queue's ring. */
  #leaving = 0;
  readonly #marks = new Marks();
  readonly #deliveries = new Deliveries();
  readonly #unseen = { enqueued: new Unseen(), dropped: new Unseen() };
  /** Of the unseen packets, those that belong to no queue's books; and those drops that the kernel's counter has since the books were opened. */
  #unassigned = 0;
  #untraced = 0;
  readonly #untracedOf = new Map<number, number>();
  readonly #nowSeconds: () => number;

  /** born: the device appeared under watch, so that its books begin with zeros. */
  constructor(born: boolean, nowSeconds: () => number = () => performance.now() / 1000) {
    this.#born = born;
    this.#nowSeconds = nowSeconds;
    if (born) this.#base = { delivered: 0, dropped: 0 };
  }

  update(read: Reading, regime: Regime): Books {
    const fingerprint = fingerprintOf(read);
    const atRest = fingerprint === this.#last;
    const reading = this.#believed(read, regime, atRest);
    const totals = totalsOf(reading);
    // What is set right once and for all waits until it is known which packets entered.
    const isSettled = atRest && enteringOf(reading) === 0;
    const renumbered = this.#renumbering.update(attachedOf(reading.walked), {
      unproduced: countOf(reading, ({ unproduced }) => unproduced),
      moved: countOf(reading, ({ events }) => events.get('queueMoved') ?? 0),
      seen: reading.queuesChanged ?? false,
    });
    if (this.#base === undefined) this.#open(reading, totals, regime);
    this.#enter(regime, reading, totals);
    this.#updateQueues(reading, regime, totals, renumbered, isSettled);
    this.#last = fingerprint;
    const still = isSettled && !renumbered && this.#leaving === 0 && totals.waiting + totals.held === 0;
    const [counted, drained] = [regime.taken === 'counted', still && regime.taken === 'derived'];
    const limits = { most: this.#most(reading), counted, changed: reading.queuesChanged ?? renumbered, drained };
    this.#deliveries.update([...this.#books.values()], limits, this.#nowSeconds());
    if (atRest) this.#narrow(reading, totals, regime);
    if (regime.enqueued === 'counted') this.#addUnseen(reading, totals, atRest);
    const audit = this.#audit(reading, totals, regime);
    const degraded = this.#judge(audit, reading, totals, regime, atRest);
    this.#others.seen(reading.otherDropped);
    if (this.#leaving >= PATIENCE)
      degraded.push('a detached queue holds packets: until they are taken, figures of single queues stand still');
    if (renumbered) degraded.push('queues were renumbered with packets in the ring');
    const unassigned = Math.max(0, this.#unassigned) + (this.#books.size > 1 ? this.#untraced : 0);
    const unseen = unseenPackets(this.#unseen, unassigned, this.#nowSeconds());
    return { queues: this.#shown(regime), audit, degraded, unseen };
  }

  /** Not in the first look after a change of level: what no program counted then is in no book yet. */
  #believed(reading: Reading, regime: Regime, atRest: boolean): Reading {
    if (!this.#base || this.#changes(regime) || enteringOf(reading) === 0) return reading;
    const uncounted = sumOf([...this.#books.values()].map((books) => books.uncounted)) + this.#unassigned + this.#doubt;
    return believed(reading, this.#base.delivered, uncounted + this.#offset.entered, atRest);
  }

  #updateQueues(reading: Reading, regime: Regime, totals: Totals, renumbered: boolean, isSettled: boolean): void {
    const { before, after, walked } = reading;
    const rings = new Map(attachedOf(walked).map((queue) => [queue.index, queue]));
    // A queue that is being detached has its packets in a ring of no index, until they are thrown out.
    const leaving = walked.queues.some(({ detached, occupancy }) => detached && occupancy > 0);
    this.#leaving = leaving ? this.#leaving + 1 : 0;
    const doubtful = this.#doubtful(reading);
    const believable = !leaving && this.#ahead(reading, totals, regime) <= this.#doubt;
    const indices = new Set([...rings.keys(), ...before.keys(), ...this.#books.keys()]);
    for (const index of indices) {
      const books = this.#books.get(index) ?? new QueueBooks(this.#born || this.#last !== undefined);
      this.#books.set(index, books);
      const none = emptySums(0);
      books.update(regime, {
        before: before.get(index) ?? none,
        after: after.get(index) ?? none,
        ring: rings.get(index),
        takenFromDevice: indices.size === 1 ? this.#takenFromDevice(walked, totals) : undefined,
        renumbered,
        believable,
        atRest: isSettled,
        doubtful,
      });
    }
  }

  /** Packets that may be among those that entered, though they were dropped: the kernel counts drops that no program saw. */
  #doubtful({ entries, walked, before, otherDropped }: Reading): number {
    if (!entries || !this.#base) return 0;
    return Math.max(0, this.#droppedUnseen(walked, before) - this.#others.explained(otherDropped) - this.#doubt);
  }

  /** Drops that the kernel counts beyond these of ours, those before tun among them. */
  #droppedUnseen({ counters }: WalkedDevice, counted: Reading['after']): number {
    const seen = sumOf([...counted.values()].map(({ dropped }) => sumOf(dropped))) + this.#untraced;
    return counters.txDropped - (this.#base?.dropped ?? 0) - this.#offset.dropped - seen;
  }

  /** The most that all queues together may show as delivered. */
  #most({ walked, vhost }: Reading): number {
    const delivered = walked.counters.txPackets - (this.#base?.delivered ?? 0) + this.#offset.delivered;
    return delivered - this.#unassigned + this.#doubt + unseenOf(walked, vhost);
  }

  /** What the kernel's counters have more than ours: of one queue it is this queue's, of several the device's. */
  #addUnseen(reading: Reading, totals: Totals, atRest: boolean): void {
    if (!this.#base) return;
    const { walked, after, otherDropped } = reading;
    const now = this.#nowSeconds();
    const books = [...this.#books.values()];
    const missing = this.#missing(reading, totals, atRest) - this.#offset.entered - this.#doubt;
    const certain = this.#unseen.enqueued.update(missing, atRest, now);
    const [only] = books;
    if (books.length === 1) only?.miss(certain);
    else this.#unassigned += certain;
    const dropped = this.#droppedUnseen(walked, after);
    const explained = this.#others.explained(otherDropped) + this.#doubt;
    const untraced = this.#unseen.dropped.update(dropped - explained, atRest, now);
    this.#untraced += untraced;
    // Offered with the entry seen and dropped with nothing seen: it was counted among those that entered.
    const misplaced = reading.entries ? Math.min(untraced, Math.max(0, -missing)) : 0;
    if (books.length === 1) only?.miss(-misplaced);
    else this.#unassigned -= misplaced;
    if (atRest) for (const one of books) one.release();
    const [index] = this.#books.keys();
    if (books.length === 1 && index !== undefined)
      this.#untracedOf.set(index, (this.#untracedOf.get(index) ?? 0) + untraced);
  }

  /** Packets that left the rings or wait in them, at the least, more than our programs saw enter. */
  #missing(reading: Reading, totals: Totals, atRest: boolean): number {
    const { walked, after } = reading;
    const delivered = walked.counters.txPackets - (this.#base?.delivered ?? 0);
    const books = sumOf([...this.#books.values()].map(({ uncounted }) => uncounted)) + this.#unassigned;
    const entered = books + sumOf([...after.values()].map(({ enqueued, entering }) => enqueued + entering));
    return leftOrWaiting(reading, totals, delivered, atRest) - entered;
  }

  /** Packets that seem to be delivered beyond what the kernel counts, and vhost may hold. */
  #ahead({ walked, vhost }: Reading, totals: Totals, regime: Regime): number {
    const delivered = walked.counters.txPackets - (this.#base?.delivered ?? 0) + this.#offset.delivered;
    return this.#delivered(totals, regime) - delivered - unseenOf(walked, vhost);
  }

  #takenFromDevice({ counters }: WalkedDevice, { failed, held }: Totals): number | undefined {
    return this.#base && counters.txPackets - this.#base.delivered + failed + held;
  }

  #shown(regime: Regime): ReadonlyMap<number, QueueBalance> {
    return new Map(
      [...this.#books].map(([index, books]) => {
        const imbalance = books.imbalance();
        const audit = imbalance === undefined ? [] : [{ equation: 'ring', imbalance }];
        // Without a probe on either side of the ring it is not known which of several queues a packet went through.
        const known = regime.enqueued === 'counted' || regime.taken === 'counted' || this.#books.size === 1;
        const auditPending = audit.length > 0 || books.unaudited ? books.unaudited : undefined;
        const { enqueued, transmitted, delivered, read } = books;
        const untraced = this.#untracedOf.get(index) ?? 0;
        return [index, { enqueued, transmitted, delivered, read, audit, auditPending, known, untraced }];
      }),
    );
  }

  /**
   * Going back to counting begins anew against the kernel's counters: drops of shared packets were not seen meanwhile,
   * and of several queues nothing.
   */
  #enter(regime: Regime, reading: Reading, { dropped }: Totals): void {
    if (this.#changes(regime)) {
      this.#doubt = VHOST_BATCH + moved(reading);
      for (const unseen of [this.#unseen.enqueued, this.#unseen.dropped]) unseen.restart();
    }
    const isResumed = this.#changes(regime) && regime.enqueued === 'counted';
    this.#regime = regime;
    if (!isResumed) return;
    this.#others.open(reading.otherDropped);
    this.#untraced = 0;
    // What is taken out of the ring is counted on, at each level.
    this.#offset = regime.taken === 'counted' ? { ...this.#offset, dropped: 0 } : NO_OFFSET;
    if (this.#books.size !== 1) this.#base = undefined;
    if (this.#base) this.#base = { ...this.#base, dropped: reading.walked.counters.txDropped - dropped };
  }

  #changes({ enqueued }: Regime): boolean {
    return this.#regime !== undefined && this.#regime.enqueued !== enqueued;
  }

  /** The kernel's counters of this moment belong to what is shown at this moment, give or take what moved while it was read. */
  #open(reading: Reading, totals: Totals, regime: Regime): void {
    const { txPackets, txDropped } = reading.walked.counters;
    const delivered = sumOf([...this.#books.values()].map((books) => books.delivered));
    this.#base = { delivered: txPackets - delivered, dropped: txDropped - totals.dropped };
    // Programs have counted since they were attached, all that passed.
    const held = this.#books.size === 0 ? totals.held : 0;
    const early = regime.taken === 'counted' ? this.#delivered(totals, regime) + held - delivered : 0;
    this.#offset = { delivered: early, dropped: 0, entered: -early };
    this.#others.open(reading.otherDropped);
    this.#doubt = VHOST_BATCH + moved(reading);
    this.#unassigned = 0;
    this.#untraced = 0;
  }

  /** At the first rest the audit is set right by what moved at the opening, and by no more than that: as if what is entering had entered. */
  #narrow(reading: Reading, totals: Totals, regime: Regime): void {
    if (!this.#base || this.#doubt === 0) return;
    const { txPackets, txDropped } = reading.walked.counters;
    const entering = enteringOf(reading);
    const delivered = this.#delivered(totals, regime) + (regime.taken === 'derived' ? entering : 0);
    const now = {
      delivered: regime.taken === 'device' ? 0 : delivered - (txPackets - this.#base.delivered),
      dropped: this.#others.settle(txDropped - this.#base.dropped - totals.dropped - this.#untraced),
    };
    const entered = regime.enqueued === 'counted' ? this.#missing(reading, totals, true) : -now.delivered;
    this.#offset = narrowed(this.#offset, { ...now, entered }, this.#doubt);
    if (entering > 0) return;
    const [only] = this.#books.values();
    if (only && this.#books.size === 1) {
      only.align(this.#offset.entered, regime.taken === 'counted' ? -this.#offset.delivered : 0);
      this.#offset = { ...NO_OFFSET, dropped: this.#offset.dropped };
    }
    this.#doubt = 0;
  }

  /** All queues' deliveries by the probes alone. */
  #delivered({ consumed, failed, entered, waiting, held }: Totals, { taken }: Regime): number {
    const books = [...this.#books.values()];
    if (taken === 'counted') return sumOf(books.map(({ heldBefore }) => heldBefore)) + consumed - failed - held;
    return sumOf(books.map(({ uncounted }) => uncounted)) + this.#unassigned + entered - waiting - held;
  }

  #audit(reading: Reading, totals: Totals, regime: Regime): readonly AuditResult[] {
    if (this.#base === undefined) return [];
    const { walked, before, otherDropped } = reading;
    const delivered = walked.counters.txPackets - this.#base.delivered + this.#offset.delivered;
    return auditsOf(regime, {
      delivered: this.#delivered(totals, regime) - delivered,
      entering: enteringOf(reading),
      dropped: this.#droppedUnseen(walked, before),
      explained: this.#others.explained(otherDropped),
    });
  }

  #judge(audit: readonly AuditResult[], reading: Reading, totals: Totals, regime: Regime, atRest: boolean): string[] {
    const { walked, before, otherDropped } = reading;
    const tolerance = this.#doubt + (atRest ? 0 : VHOST_BATCH + moved(reading)) + unseenOf(walked, reading.vhost);
    const rings = [...this.#books.values()].map((books) => ({ equation: 'ring', imbalance: books.imbalance() ?? 0 }));
    const now = this.#nowSeconds();
    const bypassed = sumOf([...before].map(([index, sums]) => this.#books.get(index)?.bypassed(sums) ?? 0));
    const degraded = [
      ...this.#marks.ofBypassed(bypassed, now),
      ...this.#marks.ofAudits([...audit, ...rings], tolerance, atRest),
      ...this.#deliveries.sentences(PATIENCE, now),
    ];
    const explained = this.#others.explained(otherDropped);
    const shared = this.#base ? walked.counters.txDropped - this.#base.dropped - totals.dropped - explained : 0;
    if (regime.enqueued === 'derived' && shared > tolerance)
      degraded.push(`${shared} drops of shared packets are known for the device only (lean)`);
    return degraded;
  }
}

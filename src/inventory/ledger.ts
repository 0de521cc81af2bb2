// SPDX-License-Identifier: Apache-2.0
// The books of one device: what each queue delivered, by arithmetic, and whether that agrees with the kernel's own counters.
import { type DeviceSums, emptySums, type QueueSums } from '../probes/rows.ts';
import type { WalkedDevice, WalkedQueue } from '../probes/walk.ts';
import type { AuditResult } from '../snapshot.ts';
import { OtherLosses } from './other-losses.ts';
import { heldOf, QueueBooks, type Regime, thrown, VHOST_BATCH } from './queue-books.ts';
import { type Count, Renumbering } from './renumbering.ts';

/** One device at one moment: its counters read before and after the walk that saw its rings. */
export interface Reading {
  readonly before: DeviceSums;
  readonly after: DeviceSums;
  readonly walked: WalkedDevice;
  /** Losses before tun that may be in the kernel's tx_dropped too; infinite where nobody counts them. */
  readonly otherDropped: number;
  /** vhost-net is loaded, and may hold packets that nobody sees: it has taken and not yet delivered them. */
  readonly vhost: boolean;
  /** Queues joined or left since the walk before: what lies in a ring may have come under another queue's index. */
  readonly queuesChanged?: boolean;
}

/** One queue as its books show it; packets. */
export interface QueueBalance {
  readonly enqueued: number;
  /** Enqueued by the transmit function, not by XDP. */
  readonly transmitted: number;
  readonly delivered: number;
  /** Taken by read(). */
  readonly read: number;
  readonly audit: readonly AuditResult[];
  /** undefined: the equation of the ring does not apply. */
  readonly auditPending: boolean | undefined;
  /** false: no probe tells the packets of this queue from its neighbours'. */
  readonly known: boolean;
}

export interface Books {
  /** By queue index, for queues with counters or a ring. */
  readonly queues: ReadonlyMap<number, QueueBalance>;
  readonly audit: readonly AuditResult[];
  readonly degraded: readonly string[];
}

interface Totals {
  /** Entered the rings and was neither thrown out nor lost in a failed read. */
  readonly entered: number;
  readonly consumed: number;
  readonly failed: number;
  readonly waiting: number;
  readonly held: number;
  readonly dropped: number;
}

/** Snapshots that disagreed, why, and by how many packets the last. */
const NOTHING_WRONG = { count: 0, sentence: '', size: 0 };

/** Snapshots in a row that must disagree before a device is called degraded: one may have been read in the middle of something. */
const PATIENCE = 3;

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
  #offset = { delivered: 0, dropped: 0 };
  #regime: Regime | undefined;
  #last: string | undefined;
  /** Looks in a row that found packets in a detached queue's ring. */
  #leaving = 0;
  #wrong = NOTHING_WRONG;

  /** born: the device appeared under watch, so that its books begin with zeros. */
  constructor(born: boolean) {
    this.#born = born;
    if (born) this.#base = { delivered: 0, dropped: 0 };
  }

  update(reading: Reading, regime: Regime): Books {
    const totals = totalsOf(reading);
    const fingerprint = fingerprintOf(reading, totals);
    const atRest = fingerprint === this.#last;
    const renumbered = this.#renumbering.update(attachedOf(reading.walked), {
      unproduced: countOf(reading, ({ unproduced }) => unproduced),
      moved: countOf(reading, ({ events }) => events.get('queueMoved') ?? 0),
      seen: reading.queuesChanged ?? false,
    });
    if (this.#base === undefined) this.#open(reading, totals);
    this.#enter(regime, reading, totals);
    this.#updateQueues(reading, regime, totals, renumbered, atRest);
    this.#last = fingerprint;
    if (atRest) this.#narrow(reading, totals, regime);
    const audit = this.#audit(reading, totals, regime);
    const degraded = this.#judge(audit, reading, totals, regime, atRest);
    this.#others.seen(reading.otherDropped);
    if (this.#leaving >= PATIENCE)
      degraded.push('a detached queue holds packets: until they are taken, figures of single queues stand still');
    if (renumbered) degraded.push('queues were renumbered with packets in the ring');
    return { queues: this.#shown(regime), audit, degraded };
  }

  #updateQueues(reading: Reading, regime: Regime, totals: Totals, renumbered: boolean, atRest: boolean): void {
    const { before, after, walked } = reading;
    const rings = new Map(attachedOf(walked).map((queue) => [queue.index, queue]));
    // A queue that is being detached has its packets in a ring of no index, until they are thrown out.
    const leaving = walked.queues.some(({ detached, occupancy }) => detached && occupancy > 0);
    this.#leaving = leaving ? this.#leaving + 1 : 0;
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
        atRest,
      });
    }
  }

  /** Packets that seem to be delivered beyond what the kernel counts, and vhost may hold. */
  #ahead({ walked, vhost }: Reading, totals: Totals, regime: Regime): number {
    const { delivered } = this.#base ?? { delivered: 0 };
    const unseen = unseenOf(walked, vhost);
    return this.#delivered(totals, regime) - this.#offset.delivered - (walked.counters.txPackets - delivered) - unseen;
  }

  #takenFromDevice({ counters }: WalkedDevice, { failed, held }: Totals): number | undefined {
    return this.#base && counters.txPackets - this.#base.delivered + failed + held;
  }

  #shown(regime: Regime): ReadonlyMap<number, QueueBalance> {
    return new Map(
      [...this.#books].map(([index, books]) => {
        const imbalance = books.imbalance();
        const audit = imbalance === undefined ? [] : [{ equation: 'ring', imbalance }];
        // Without a probe on either side of the ring nobody knows which of several queues a packet went through.
        const known = regime.enqueued === 'counted' || regime.taken === 'counted' || this.#books.size === 1;
        const auditPending = audit.length > 0 || books.unaudited ? books.unaudited : undefined;
        const { enqueued, transmitted, delivered, read } = books;
        return [index, { enqueued, transmitted, delivered, read, audit, auditPending, known }];
      }),
    );
  }

  /**
   * Going back to counting begins anew against the kernel's counters: drops of shared packets were not seen meanwhile,
   * and of several queues nothing.
   */
  #enter(regime: Regime, reading: Reading, { dropped }: Totals): void {
    const { walked } = reading;
    if (this.#regime !== undefined && this.#regime.enqueued !== regime.enqueued)
      this.#doubt = VHOST_BATCH + moved(reading);
    const resumed = this.#regime?.enqueued === 'derived' && regime.enqueued === 'counted';
    const alone = this.#books.size === 1;
    if (resumed) this.#others.open(reading.otherDropped);
    if (resumed && this.#base)
      this.#base = alone ? { ...this.#base, dropped: walked.counters.txDropped - dropped } : undefined;
    this.#regime = regime;
  }

  /** The kernel's counters of this moment belong to what is shown at this moment, give or take what moved while it was read. */
  #open(reading: Reading, { dropped }: Totals): void {
    const { txPackets, txDropped } = reading.walked.counters;
    const delivered = sumOf([...this.#books.values()].map((books) => books.delivered));
    this.#base = { delivered: txPackets - delivered, dropped: txDropped - dropped };
    this.#others.open(reading.otherDropped);
    this.#doubt = VHOST_BATCH + moved(reading);
    this.#offset = { delivered: 0, dropped: 0 };
  }

  /** At the first rest the audit is set right by what moved at the opening, and by no more than that. */
  #narrow({ walked }: Reading, totals: Totals, regime: Regime): void {
    if (!this.#base || this.#doubt === 0) return;
    const { txPackets, txDropped } = walked.counters;
    const delivered = this.#delivered(totals, regime) - (txPackets - this.#base.delivered);
    const dropped = this.#others.settle(txDropped - this.#base.dropped - totals.dropped);
    this.#offset = {
      delivered: Math.abs(delivered) <= this.#doubt ? delivered : 0,
      dropped: Math.abs(dropped) <= this.#doubt ? dropped : 0,
    };
    this.#doubt = 0;
  }

  /** All queues' deliveries by the probes alone. */
  #delivered({ consumed, failed, entered, waiting, held }: Totals, { taken }: Regime): number {
    const books = [...this.#books.values()];
    if (taken === 'counted') return sumOf(books.map(({ heldBefore }) => heldBefore)) + consumed - failed - held;
    return sumOf(books.map(({ uncounted }) => uncounted)) + entered - waiting - held;
  }

  #audit({ walked, otherDropped }: Reading, totals: Totals, regime: Regime): readonly AuditResult[] {
    if (this.#base === undefined) return [];
    const { txPackets, txDropped } = walked.counters;
    const dropped = txDropped - this.#base.dropped - totals.dropped - this.#offset.dropped;
    const audit: AuditResult[] = [];
    if (regime.taken !== 'device')
      audit.push({
        equation: 'delivered',
        imbalance: this.#delivered(totals, regime) - (txPackets - this.#base.delivered) - this.#offset.delivered,
      });
    // The core adds its own drops (no reader, no room to validate) to tx_dropped; a qdisc's are not in it.
    const explained = this.#others.explained(otherDropped);
    if (regime.enqueued === 'counted' || dropped < 0)
      audit.push({ equation: 'dropped', imbalance: dropped > 0 ? Math.max(0, dropped - explained) : dropped });
    return audit;
  }

  #judge(audit: readonly AuditResult[], reading: Reading, totals: Totals, regime: Regime, atRest: boolean): string[] {
    const { walked, before, otherDropped } = reading;
    const tolerance = this.#doubt + (atRest ? 0 : VHOST_BATCH + moved(reading)) + unseenOf(walked, reading.vhost);
    const rings = [...this.#books.values()].map((books) => ({ equation: 'ring', imbalance: books.imbalance() ?? 0 }));
    const equations = [...audit, ...rings];
    const wrong = equations.find(({ imbalance }) => Math.abs(imbalance) > tolerance);
    const { count, size } = this.#wrong;
    if (wrong) this.#wrong = { count: count + 1, sentence: explain(wrong), size: Math.abs(wrong.imbalance) };
    // What moves hides a small difference, unless there is none at all.
    else if (atRest || size > tolerance || equations.every(({ imbalance }) => imbalance === 0))
      this.#wrong = NOTHING_WRONG;
    const degraded: string[] = [];
    if ([...before].some(([index, sums]) => (this.#books.get(index)?.bypassed(sums) ?? 0) > 0))
      degraded.push('packets come past the offered probe (PACKET_QDISC_BYPASS, pktgen start_xmit)');
    if (this.#wrong.count >= PATIENCE) degraded.push(this.#wrong.sentence);
    const explained = this.#others.explained(otherDropped);
    const shared = this.#base ? walked.counters.txDropped - this.#base.dropped - totals.dropped - explained : 0;
    if (regime.enqueued === 'derived' && shared > tolerance)
      degraded.push(`${shared} drops of shared packets are known for the device only (lean)`);
    return degraded;
  }
}

function attachedOf({ queues }: WalkedDevice): readonly WalkedQueue[] {
  return queues.filter(({ detached }) => !detached);
}

/** Packets that vhost-net may have taken without being seen to: a batch of each queue, or the one that it is delivering. */
function unseenOf({ queues }: WalkedDevice, vhost: boolean): number {
  return vhost ? VHOST_BATCH * queues.length : queues.filter((queue) => queue.vhost).length;
}

function totalsOf({ before, walked }: Reading): Totals {
  const sums = [...before.values()];
  return {
    entered: sumOf(sums.map((queue) => queue.enqueued - thrown(queue) - queue.failed)),
    consumed: sumOf(sums.map(({ consumed, unproduced }) => consumed - unproduced)),
    failed: sumOf(sums.map(({ failed }) => failed)),
    waiting: sumOf(walked.queues.map(({ occupancy }) => occupancy)),
    held: sumOf(walked.queues.map(heldOf)),
    dropped: sumOf(sums.map(({ dropped }) => sumOf(dropped))),
  };
}

function countOf({ before, after }: Reading, counter: (queue: QueueSums) => number): Count {
  const total = (sums: DeviceSums): number => sumOf([...sums.values()].map(counter));
  return { before: total(before), after: total(after) };
}

/** The most that any counter grew while the device was read. */
function moved({ before, after }: Reading): number {
  const counters: readonly ((queue: QueueSums) => number)[] = [
    (queue) => queue.offered,
    (queue) => queue.enqueued,
    (queue) => queue.consumed,
    (queue) => sumOf(queue.dropped),
  ];
  const total = (sums: DeviceSums, counter: (queue: QueueSums) => number) => sumOf([...sums.values()].map(counter));
  return Math.max(...counters.map((counter) => total(after, counter) - total(before, counter)));
}

/** Equal in two readings: nothing moved between them. */
function fingerprintOf(reading: Reading, { entered, consumed, waiting, held, dropped }: Totals): string {
  const { txPackets, txDropped } = reading.walked.counters;
  return [entered, consumed, waiting, held, dropped, moved(reading), txPackets, txDropped].join(' ');
}

function explain({ equation, imbalance }: AuditResult): string {
  if (equation === 'ring' && imbalance > 0)
    return `${imbalance} packets more entered the ring than left it or lie in it`;
  if (equation === 'dropped') return `the kernel’s tx_dropped differs from the drops counted by ${imbalance}`;
  if (imbalance < 0)
    return `${-imbalance} packets more came out of the ring than were seen offered: they bypass the probes (PACKET_QDISC_BYPASS, AF_XDP, XDP redirect)`;
  return `${imbalance} packets left the ring that the kernel does not count as delivered`;
}

function sumOf(values: Iterable<number>): number {
  return [...values].reduce((sum, value) => sum + value, 0);
}

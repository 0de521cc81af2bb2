// SPDX-License-Identifier: Apache-2.0
// The books of one device: what each queue delivered, by arithmetic, and whether that agrees with the kernel's own counters.
import type { DeviceSums, QueueSums } from '../probes/rows.ts';
import type { WalkedDevice, WalkedQueue } from '../probes/walk.ts';
import type { AuditResult } from '../snapshot.ts';
import { Renumbering } from './renumbering.ts';

/** One device at one moment: its counters read before and after the walk that saw its rings. */
export interface Reading {
  readonly before: DeviceSums;
  readonly after: DeviceSums;
  readonly walked: WalkedDevice;
  /** Losses before tun; some of them are in the kernel's tx_dropped too. */
  readonly otherDropped: number;
}

export interface Books {
  /** Packets by queue index, for queues with counters or a ring. */
  readonly delivered: ReadonlyMap<number, number>;
  readonly audit: readonly AuditResult[];
  readonly degraded: readonly string[];
}

interface Totals {
  /** Entered the rings and was not thrown out. */
  readonly entered: number;
  readonly waiting: number;
  readonly dropped: number;
  readonly bypassed: number;
}

/** vhost takes up to this many packets out of the ring before it delivers them (VHOST_NET_BATCH). */
const VHOST_BATCH = 64;
/** Snapshots in a row that must disagree before a device is called degraded: one may have been read in the middle of something. */
const PATIENCE = 3;

/**
 * Delivered = opening balance + enqueued − purged − resized − failed − overflowed − waiting in the ring. It is exact at
 * rest; while packets move it is what was certainly delivered, and never goes down.
 */
export class Ledger {
  readonly #vhost: boolean;
  readonly #opening = new Map<number, number>();
  readonly #delivered = new Map<number, number>();
  readonly #renumbering = new Renumbering();
  #renumbered = false;
  /** The kernel's own counters when the books were opened; undefined: they were opened while packets moved. */
  #base: { readonly delivered: number; readonly dropped: number } | undefined;
  #last: string | undefined;
  #disagreements = 0;

  /** born: the device appeared under watch, so that its books begin with zeros. */
  constructor(born: boolean, vhost: boolean) {
    this.#vhost = vhost;
    if (born) this.#base = { delivered: 0, dropped: 0 };
  }

  update(reading: Reading): Books {
    const totals = totalsOf(reading);
    const fingerprint = fingerprintOf(reading, totals);
    const atRest = fingerprint === this.#last;
    if (this.#base === undefined && this.#last === undefined) this.#open(reading);
    this.#last = fingerprint;
    this.#renumbered = this.#renumbering.update(attachedOf(reading.walked));
    this.#deliver(reading);
    const opening = sumOf(this.#opening.values());
    if (this.#base === undefined && atRest) {
      const delivered = opening + totals.entered - totals.waiting;
      const { txPackets, txDropped } = reading.walked.counters;
      this.#base = { delivered: txPackets - delivered, dropped: txDropped - totals.dropped };
    }
    const audit = this.#audit(reading, totals, opening);
    return { delivered: this.#delivered, audit, degraded: this.#judge(audit, totals, reading, atRest) };
  }

  /** Rings that held packets when counting began owe us their delivery. */
  #open({ before, walked }: Reading): void {
    for (const { index, occupancy } of attachedOf(walked))
      this.#opening.set(index, occupancy - entered(before.get(index)));
  }

  #deliver({ before, after, walked }: Reading): void {
    if (this.#renumbered) return;
    const rings = new Map(attachedOf(walked).map((queue) => [queue.index, queue]));
    for (const index of new Set([...rings.keys(), ...before.keys()])) {
      const ring = rings.get(index);
      if (ring?.unsteady || lost(before.get(index)) !== lost(after.get(index))) continue; // thrown out while we looked
      const delivered = (this.#opening.get(index) ?? 0) + entered(before.get(index)) - (ring?.occupancy ?? 0);
      this.#delivered.set(index, Math.max(this.#delivered.get(index) ?? 0, delivered));
    }
  }

  #audit({ walked, otherDropped }: Reading, totals: Totals, opening: number): readonly AuditResult[] {
    if (this.#base === undefined) return [];
    const { txPackets, txDropped } = walked.counters;
    const dropped = txDropped - this.#base.dropped - totals.dropped;
    return [
      {
        equation: 'delivered',
        imbalance: opening + totals.entered - totals.waiting - (txPackets - this.#base.delivered),
      },
      // The core adds its own drops (no reader, no room to validate) to tx_dropped; a qdisc's are not in it.
      { equation: 'dropped', imbalance: dropped > 0 ? Math.max(0, dropped - otherDropped) : dropped },
    ];
  }

  #judge(audit: readonly AuditResult[], { bypassed }: Totals, reading: Reading, atRest: boolean): readonly string[] {
    const tolerance =
      (atRest ? 0 : VHOST_BATCH + moved(reading)) + (this.#vhost ? VHOST_BATCH * reading.walked.queues.length : 0);
    const wrong = audit.find(({ imbalance }) => Math.abs(imbalance) > tolerance);
    this.#disagreements = wrong ? this.#disagreements + 1 : 0;
    const degraded: string[] = [];
    if (bypassed > 0) degraded.push('packets come past the offered probe (PACKET_QDISC_BYPASS, pktgen start_xmit)');
    if (wrong && this.#disagreements >= PATIENCE) degraded.push(explain(wrong));
    if (this.#renumbered) degraded.push('queues were renumbered with packets in the ring');
    return degraded;
  }
}

function attachedOf({ queues }: WalkedDevice): readonly WalkedQueue[] {
  return queues.filter(({ detached }) => !detached);
}

/** Packets that entered a queue's ring and were not thrown out of it. */
function entered(sums: QueueSums | undefined): number {
  return sums ? sums.enqueued - lost(sums) : 0;
}

function lost(sums: QueueSums | undefined): number {
  return sums ? sums.purged + sums.resized + sums.failed + sums.overflowed : 0;
}

function totalsOf({ before, walked }: Reading): Totals {
  const sums = [...before.values()];
  return {
    entered: sumOf(sums.map(entered)),
    waiting: sumOf(walked.queues.map(({ occupancy }) => occupancy)),
    dropped: sumOf(sums.map(({ dropped }) => sumOf(dropped))),
    bypassed: sumOf(sums.map(({ bypassed }) => bypassed)),
  };
}

function moved({ before, after }: Reading): number {
  const enqueued = (sums: DeviceSums): number => sumOf([...sums.values()].map((queue) => queue.enqueued));
  return enqueued(after) - enqueued(before);
}

/** Equal in two readings: nothing moved between them. */
function fingerprintOf(reading: Reading, { entered, waiting, dropped }: Totals): string {
  const { txPackets, txDropped } = reading.walked.counters;
  return [entered, waiting, dropped, moved(reading), txPackets, txDropped].join(' ');
}

function explain({ equation, imbalance }: AuditResult): string {
  if (equation === 'dropped') return `the kernel’s tx_dropped differs from the drops counted by ${imbalance}`;
  if (imbalance < 0)
    return `${-imbalance} packets more were delivered than seen offered: they bypass the probes (PACKET_QDISC_BYPASS, AF_XDP, XDP redirect)`;
  return `${imbalance} packets left the ring that the kernel does not count as delivered`;
}

function sumOf(values: Iterable<number>): number {
  let sum = 0;
  for (const value of values) sum += value;
  return sum;
}

// SPDX-License-Identifier: Apache-2.0
// E1, E2, E3 and E5 of docs/accounting.md, of a device; E4 is of a queue.
import { type DeviceSums, sumOf } from '../engine/queue-sums.ts';
import type { WalkedDevice } from '../engine/walk.ts';
import { type Offset, type Reading, type Totals, unseenOf } from './device-totals.ts';
import type { CountingMode } from './queue-reading.ts';
import { leftAtMost, leftOrWaiting } from './unseen.ts';

/** What the accounts of a device go on from; packets. */
export interface Books {
  /** The kernel's counters when they began. */
  readonly base: { readonly delivered: number; readonly dropped: number };
  readonly offset: Offset;
  /** Moved while they began, until the first rest. */
  readonly tolerance: number;
  /** Entered the rings, and no program of ours counted them. */
  readonly uncounted: number;
  /** Of these, what no queue's accounts have. */
  readonly unassigned: number;
  /** Settled as dropped, and no program saw it. */
  readonly untraced: number;
  /** Taken by backends before they began. */
  readonly heldBefore: number;
}

/** E1: what was delivered by the probes and the walk alone, of all queues. */
export function deliveredByPrograms(
  { consumed, failed, entered, waiting, held }: Totals,
  { taken }: CountingMode,
  { uncounted, heldBefore }: Books,
): number {
  return taken === 'counted' ? heldBefore + consumed - failed - held : uncounted + entered - waiting - held;
}

/** E2. */
export function deliveredByKernel({ counters }: WalkedDevice, { base, offset }: Books): number {
  return counters.txPackets - base.delivered + offset.delivered;
}

/** E1 beyond E2, and beyond what backends may hold. */
export function aheadOfKernel(reading: Reading, totals: Totals, mode: CountingMode, books: Books): number {
  const { walked, heldUnseen } = reading;
  return deliveredByPrograms(totals, mode, books) - deliveredByKernel(walked, books) - unseenOf(walked, heldUnseen);
}

/** E3: drops that the kernel counts beyond those that our programs saw; losses before tun are among them. */
export function droppedUnseen({ counters }: WalkedDevice, counted: DeviceSums, books: Books): number {
  const { base, offset, untraced } = books;
  const seen = sumOf([...counted.values()].map(({ dropped }) => sumOf(dropped))) + untraced;
  return counters.txDropped - base.dropped - offset.dropped - seen;
}

/** E5: the most that all queues together may show as delivered; counted as they leave, packets of no queue's entries have one. */
export function deliveredAtMost({ walked, heldUnseen }: Reading, counted: boolean, books: Books): number {
  const { unassigned, tolerance } = books;
  return deliveredByKernel(walked, books) - (counted ? 0 : unassigned) + tolerance + unseenOf(walked, heldUnseen);
}

/** `unseen`, by E1 and E2: packets that left the rings or wait in them, at the least, beyond those that our programs saw enter. */
export function missing(reading: Reading, totals: Totals, atRest: boolean, { base, uncounted }: Books): number {
  const { walked, after } = reading;
  const entered = sumOf([...after.values()].map(({ enqueued, entering }) => enqueued + entering));
  return leftOrWaiting(reading, totals, walked.counters.txPackets - base.delivered, atRest) - uncounted - entered;
}

/** The opposite, at the least: packets counted as entered beyond those that can have left the rings or wait in them. */
export function tooMany(reading: Reading, totals: Totals, { base, offset, tolerance, uncounted }: Books): number {
  const left = leftAtMost(reading, totals, reading.walked.counters.txPackets - base.delivered);
  const entered = sumOf([...reading.before.values()].map(({ enqueued }) => enqueued));
  return entered + uncounted + offset.entered - tolerance - left;
}

// SPDX-License-Identifier: Apache-2.0
// Packets that the kernel counted and our programs did not: the kernel skipped the programs, or the packets came past them.
import { type DeviceSums, sumOf } from '../engine/queue-sums.ts';
import { stillWaiting } from '../engine/walk.ts';
import { type Reading, type Totals, totalsOf, unseenOf } from './device-totals.ts';
import { discarded } from './queue-reading.ts';

/** Samples in a row that must show a difference before it counts under load: a program may run later than the reader of its packet. */
const SAMPLES = 3;

export class LastingBound {
  #bounds: number[] = [];

  /** The least that each of the last samples showed; -Infinity: there are too few samples. */
  get least(): number {
    return this.#bounds.length < SAMPLES ? Number.NEGATIVE_INFINITY : Math.min(...this.#bounds);
  }

  /** Returns how much is certain now, which later bounds do not contain. `isFigure`: this sample's bound is the figure itself. */
  update(bound: number, isFigure: boolean): number {
    this.#bounds = [...this.#bounds, bound].slice(-SAMPLES);
    const certain = Math.max(0, isFigure ? bound : this.least);
    this.#bounds = this.#bounds.map((one) => one - certain);
    return certain;
  }

  /** Counting begins anew: the samples before were compared by another equation. */
  restart(): void {
    this.#bounds = [];
  }
}

/** Counts the least that every one of the last samples shows; at rest, what there is. */
export class Unseen {
  #packets = 0;
  readonly #missing = new LastingBound();
  #grewAt = Number.NEGATIVE_INFINITY;

  /** Packets since the device was first seen. */
  get packets(): number {
    return this.#packets;
  }

  /** Seconds since the last were found; infinite: none were. */
  ago(nowSeconds: number): number {
    return nowSeconds - this.#grewAt;
  }

  /** The least that each of the last samples showed; negative: more were accounted for than there are, by no more than that. */
  get least(): number {
    return this.#missing.least;
  }

  /** `bound`: packets that are not accounted for, at least. Answers how many of them are certain now. */
  update(bound: number, atRest: boolean, nowSeconds: number): number {
    const certain = this.#missing.update(bound, atRest);
    if (certain === 0) return 0;
    this.#packets += certain;
    this.#grewAt = nowSeconds;
    return certain;
  }

  /** Counting begins anew: the samples before were compared by another equation. */
  restart(): void {
    this.#missing.restart();
  }
}

/**
 * The right side of E1, of a device: packets that left the rings or lie in them, at the least: `delivered` is read after the rings. What was taken in
 * between must not be counted twice, nor what the backend held and may have delivered since.
 */
export function leftOrWaiting(reading: Reading, totals: Totals, delivered: number, atRest: boolean): number {
  const waiting = reading.walked.queues.map(stillWaiting);
  const lost = [...reading.before.values()].map((queue) => discarded(queue) + queue.failed);
  return delivered + sumOf(waiting) + sumOf(lost) + (atRest ? totals.held : 0);
}

/** The same at the most, of the packets that `before` counted: each queue's reader may hold one that it has taken, and a backend a batch. */
export function leftAtMost(
  { after, walked, heldUnseen }: Reading,
  { waiting, held }: Totals,
  delivered: number,
): number {
  // A resize is moving packets that the walk does not see.
  if (walked.queues.some(({ unsteady }) => unsteady)) return Number.POSITIVE_INFINITY;
  const lost = [...after.values()].map((queue) => discarded(queue) + queue.failed);
  return delivered + waiting + sumOf(lost) + held + walked.queues.length + unseenOf(walked, heldUnseen);
}

/**
 * Packets that programs saw offered and that may yet be dropped: the newest of each queue on each CPU. None of them is counted by itself. If E1 (docs/accounting.md) adds up only as if all had entered, all have.
 * `base`: the kernel's deliveries when the accounting began; `uncounted`: packets in the rings that no program saw enter, at most;
 * `atRest`: nothing moved since the sample before, so that what the backend holds is not delivered meanwhile.
 */
export function believed(reading: Reading, base: number, uncounted: number, atRest: boolean): Reading {
  const before = withEntering(reading.before);
  const delivered = reading.walked.counters.txPackets - base;
  const left = leftOrWaiting(reading, totalsOf(reading), delivered, atRest);
  const entered = sumOf([...before.values()].map(({ enqueued }) => enqueued));
  return left >= uncounted + entered ? { ...reading, before, after: withEntering(reading.after) } : reading;
}

/** So many packets were offered, of which it is not known whether they were dropped. */
export function enteringOf({ entries, before }: Reading): number {
  return entries === true ? sumOf([...before.values()].map(({ entering }) => entering)) : 0;
}

function withEntering(sums: DeviceSums): DeviceSums {
  return new Map(
    [...sums].map(([index, queue]) => [index, { ...queue, enqueued: queue.enqueued + queue.entering, entering: 0 }]),
  );
}

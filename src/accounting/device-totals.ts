// SPDX-License-Identifier: Apache-2.0
// One device at one moment: its counters, its rings, and their sums over all queues.
import { type DeviceSums, type QueueSums, sumOf } from '../engine/queue-sums.ts';
import type { WalkedDevice, WalkedQueue } from '../engine/walk.ts';
import { BACKEND_BATCH } from '../snapshot/queue.ts';
import { discarded, heldOf } from './queue-reading.ts';
import type { Count } from './renumbering.ts';

/** Packets that the programs have more than the kernel; of `entered` and `dropped` fewer. */
export interface Offset {
  readonly delivered: number;
  readonly dropped: number;
  readonly entered: number;
}

export const NO_OFFSET: Offset = { delivered: 0, dropped: 0, entered: 0 };

/** The offset at the first rest: takes a value of `now` that differs from the known one by `most` packets at most. */
export function narrowed(known: Offset, now: Partial<Offset>, most: number): Offset {
  const within = (before: number, value = before): number => (Math.abs(value - before) <= most ? value : before);
  return {
    delivered: within(known.delivered, now.delivered),
    dropped: within(known.dropped, now.dropped),
    entered: within(known.entered, now.entered),
  };
}

/** One device at one moment: its counters read before and after the walk that saw its rings. */
export interface Reading {
  readonly before: DeviceSums;
  readonly after: DeviceSums;
  readonly walked: WalkedDevice;
  /** Losses before tun that may be in the kernel's tx_dropped too; infinite where they are not counted. */
  readonly otherDropped: number;
  /** A guest's backend may hold packets that are not seen: it has taken and not yet delivered them. */
  readonly heldUnseen: boolean;
  /** Queues joined or left since the walk before: what lies in a ring may have come under another queue's index. */
  readonly queuesChanged?: boolean;
  /** The program that counts what enters came with this sample: what came before it is in no queue’s counter. */
  readonly entriesBegin?: boolean;
  /** Programs see what is offered and what is dropped: a drop that none saw is counted as a packet that entered. */
  readonly entries?: boolean;
}

export interface Totals {
  /** Entered the rings and was neither thrown out nor lost in a failed read. */
  readonly entered: number;
  readonly consumed: number;
  readonly failed: number;
  readonly waiting: number;
  readonly held: number;
  readonly dropped: number;
}

export function attachedOf({ queues }: WalkedDevice): readonly WalkedQueue[] {
  return queues.filter(({ detached }) => !detached);
}

/** Packets that backends may have taken without being seen to: a batch of each queue, or the one that it is delivering. */
export function unseenOf({ queues }: WalkedDevice, heldUnseen: boolean): number {
  return heldUnseen ? BACKEND_BATCH * queues.length : queues.filter((queue) => queue.backend).length;
}

export function totalsOf({ before, walked }: Reading): Totals {
  const sums = [...before.values()];
  return {
    entered: sumOf(sums.map((queue) => queue.enqueued - discarded(queue) - queue.failed)),
    consumed: sumOf(sums.map(({ consumed, unproduced }) => consumed - unproduced)),
    failed: sumOf(sums.map(({ failed }) => failed)),
    waiting: sumOf(walked.queues.map(({ occupancy }) => occupancy)),
    held: sumOf(walked.queues.map(heldOf)),
    dropped: sumOf(sums.map(({ dropped }) => sumOf(dropped))),
  };
}

export function countOf({ before, after }: Reading, counter: (queue: QueueSums) => number): Count {
  const total = (sums: DeviceSums): number => sumOf([...sums.values()].map(counter));
  return { before: total(before), after: total(after) };
}

/** The most that any counter grew while the device was read. */
export function moved({ before, after }: Reading): number {
  const counters: readonly ((queue: QueueSums) => number)[] = [
    (queue) => queue.offered,
    (queue) => queue.enqueued,
    (queue) => queue.consumed,
    (queue) => sumOf(queue.dropped),
  ];
  const total = (sums: DeviceSums, counter: (queue: QueueSums) => number) => sumOf([...sums.values()].map(counter));
  return Math.max(...counters.map((counter) => total(after, counter) - total(before, counter)));
}

/** Equal in two readings: nothing moved between them. A packet that was entering and is known to have entered did not move. */
export function fingerprintOf(reading: Reading): string {
  const { entered, consumed, waiting, held, dropped } = totalsOf(reading);
  const begun = entered + sumOf([...reading.before.values()].map(({ entering }) => entering));
  const { txPackets, txDropped } = reading.walked.counters;
  return [begun, consumed, waiting, held, dropped, moved(reading), txPackets, txDropped].join(' ');
}

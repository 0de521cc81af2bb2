// SPDX-License-Identifier: Apache-2.0
// One reading of a queue, how it was counted, and what follows from it alone.
import type { QueueSums } from '../engine/queue-sums.ts';
import type { WalkedQueue } from '../engine/walk.ts';

/** The sources of the accounts, which depend on the probes; a change begins a new epoch. */
export interface CountingMode {
  /** counted: at the entry and exit of the transmit function; derived: from what was taken and what is left. */
  readonly enqueued: 'counted' | 'derived';
  /** counted: under the ring's lock; derived: from what was enqueued and what is left; device: the kernel's tx_packets. */
  readonly taken: 'counted' | 'derived' | 'device';
}

export interface QueueReading {
  /** Counters read before and after the walk that saw the ring. */
  readonly before: QueueSums;
  readonly after: QueueSums;
  readonly ring: WalkedQueue | undefined;
  /** Packets that the kernel says the reader took, or a backend for it, where that is this one queue's alone. */
  readonly takenFromDevice: number | undefined;
  /** Packets of another index may be in the ring: what is waiting does not belong to these counters. */
  readonly renumbered: boolean;
  /** false: more seems to be delivered than the kernel says: a ring is being thrown out and nothing was freed yet. */
  readonly believable: boolean;
  /** Nothing moves, and each packet is known to have entered or not. */
  readonly atRest: boolean;
  /** Packets that programs saw enter, and that may have been dropped. */
  readonly uncertain: number;
}

/** Left the ring by another way than the reader. */
export function discarded(sums: QueueSums): number {
  return sums.purged + sums.resized + sums.overflowed;
}

/** Taken by a backend and not delivered yet. */
export function heldOf(ring: WalkedQueue | undefined): number {
  return ring?.backend?.held ?? 0;
}

/** Taken by readers and not given back: what the walk finds neither held nor taken may have been given back since `before`. */
export function netConsumed(before: QueueSums, after: QueueSums): number {
  return before.consumed - after.unproduced;
}

// SPDX-License-Identifier: Apache-2.0
// Counters of one queue, summed over its CPUs.
import { type CounterName, forEachCounter } from '../snapshot/counters.ts';
import type { CpuCounters } from '../snapshot/queue.ts';
import type { SharedSums } from './shared-rows.ts';

/** Counted numbers by their names, as they are before the first packet. */
const ZEROS = {
  ...forEachCounter(() => 0),
  offered: 0,
  offeredBytes: 0,
  /** Packets, and XDP frames that were redirected: those that certainly entered the ring. */
  enqueued: 0,
  /** May have entered the ring too: their drop may not have been seen yet. */
  entering: 0,
  /** The part of `enqueued` that came past the transmit function. */
  redirected: 0,
  consumed: 0,
  /** The part of `consumed` that was not taken by read(). */
  consumedInBatches: 0,
  bypassed: 0,
  /** The part of `offered` that NET_TX sent. */
  sentBySoftirq: 0,
};

type Numbers = Omit<typeof ZEROS, CounterName> & Record<CounterName, number>;

/** Sums over the CPUs of one queue. */
export interface QueueSums extends Numbers {
  /** Drops by slot of the drop reason (enum reason_slot); REASON_RARE is split up in `rare`. */
  readonly dropped: number[];
  /** Drops by reason number. */
  readonly rare: Map<number, number>;
  /** undefined: no packet was offered yet. */
  shared: SharedSums | undefined;
  /** By their name in enum queue_event (bpf/rows/queue-events.bpf.h) in small letters; what is not in it never happened, or is not measured. */
  readonly events: Map<string, number>;
  /** The 64-bit words of the records that subjects keep beside the rows, by map. */
  readonly records: Map<string, number[]>;
  readonly perCpu: CpuCounters[];
}

/** Queue index to sums. */
export type DeviceSums = ReadonlyMap<number, QueueSums>;

export function emptySums(slots: number): QueueSums {
  return {
    ...ZEROS,
    shared: undefined,
    dropped: new Array<number>(slots).fill(0),
    rare: new Map(),
    events: new Map(),
    records: new Map(),
    perCpu: [],
  };
}

export function sumOf(values: Iterable<number>): number {
  let sum = 0;
  for (const value of values) sum += value;
  return sum;
}

export function addCounts<Key>(sums: Map<Key, number>, more: ReadonlyMap<Key, number> | undefined): void {
  for (const [key, count] of more ?? []) sums.set(key, (sums.get(key) ?? 0) + count);
}

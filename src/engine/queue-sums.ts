// SPDX-License-Identifier: Apache-2.0
// Counters of one queue, summed over its CPUs.
import { type CpuCounters, ROW_COUNTERS, type RowCounter, type RowCounts, type Seen } from '../snapshot/queue.ts';
import type { EventSums } from './queue-events.ts';
import type { SharedSums } from './shared-rows.ts';
import { type BatchSums, emptyBatchSums } from './vhost-batches.ts';

export const ROW_COUNTER_NAMES = Object.keys(ROW_COUNTERS).filter((name): name is RowCounter => name in ROW_COUNTERS);
const NO_ROWS = ofEach(() => 0);

/** Counted numbers by their names, as they are before the first packet. */
const ZEROS = {
  offered: 0,
  offeredBytes: 0,
  /** Packets, and XDP frames that were redirected: those that certainly entered the ring. */
  enqueued: 0,
  /** May have entered the ring too: their drop may not have been seen yet. */
  entering: 0,
  /** The part of `enqueued` that came past the transmit function. */
  redirected: 0,
  consumed: 0,
  /** The part of `consumed` that vhost-net took in batches. */
  consumedByVhost: 0,
  bypassed: 0,
  /** The part of `offered` that NET_TX sent. */
  sentBySoftirq: 0,
};

type Numbers = typeof ZEROS & Record<RowCounter, number>;

/** Sums over the CPUs of one queue. */
export interface QueueSums extends Numbers {
  /** Drops by slot of the drop reason; slot 0 (rare) is split up in `rare`. */
  readonly dropped: number[];
  /** Drops by reason number. */
  readonly rare: Map<number, number>;
  /** undefined: no packet was offered yet. */
  shared: SharedSums | undefined;
  readonly events: EventSums;
  readonly batches: BatchSums;
  readonly perCpu: CpuCounters[];
}

/** Queue index to sums. */
export type DeviceSums = ReadonlyMap<number, QueueSums>;

export function emptySums(slots: number): QueueSums {
  return {
    ...NO_ROWS,
    ...ZEROS,
    shared: undefined,
    dropped: new Array<number>(slots).fill(0),
    rare: new Map(),
    events: new Map(),
    batches: emptyBatchSums(),
    perCpu: [],
  };
}

export function sumOf(values: Iterable<number>): number {
  return [...values].reduce((sum, value) => sum + value, 0);
}

/** The counts for a snapshot: a count that is not `seen` is not known. */
export function shownCounts(sums: QueueSums, seen: Readonly<Record<Seen, boolean>>): RowCounts {
  return ofEach((name) => (seen[ROW_COUNTERS[name]] ? sums[name] : undefined));
}

function ofEach<Value>(value: (name: RowCounter) => Value): Record<RowCounter, Value> {
  const made: Partial<Record<RowCounter, Value>> = {};
  for (const name of ROW_COUNTER_NAMES) made[name] = value(name);
  if (!isWhole(made)) throw new Error('A row counter has no value.');
  return made;
}

function isWhole<Value>(made: Partial<Record<RowCounter, Value>>): made is Record<RowCounter, Value> {
  return ROW_COUNTER_NAMES.every((name) => name in made);
}

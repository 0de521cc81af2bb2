// SPDX-License-Identifier: Apache-2.0
// Counters of one queue, summed over its CPUs.
import type { CpuCounters } from '../snapshot.ts';
import type { EventSums } from './queue-events.ts';
import type { SharedSums } from './shared-rows.ts';
import { type BatchSums, emptyBatchSums } from './vhost-batches.ts';

/** Sums over the CPUs of one queue. */
export interface QueueSums {
  offered: number;
  offeredBytes: number;
  /** Packets, and XDP frames that were redirected: those that certainly entered the ring. */
  enqueued: number;
  /** May have entered the ring too: their drop may not have been seen yet. */
  entering: number;
  /** Of `enqueued`: came past the transmit function. */
  redirected: number;
  consumed: number;
  /** Of `consumed`: taken by vhost-net in batches. */
  consumedByVhost: number;
  bypassed: number;
  /** By slot of the drop reason; slot 0 (rare) is split up in `rare`. */
  readonly dropped: number[];
  /** By reason number. */
  readonly rare: Map<number, number>;
  purged: number;
  resized: number;
  failed: number;
  overflowed: number;
  /** Given back to the ring by vhost after they were consumed. */
  unproduced: number;
  /** Of `offered`: sent by NET_TX. */
  sentBySoftirq: number;
  /** undefined: no packet was offered yet. */
  shared: SharedSums | undefined;
  readonly events: EventSums;
  readonly batches: BatchSums;
  readonly perCpu: CpuCounters[];
}

/** Queue index to sums. */
export type DeviceSums = ReadonlyMap<number, QueueSums>;

export function emptySums(slots: number): QueueSums {
  const zero = {
    offered: 0,
    offeredBytes: 0,
    enqueued: 0,
    entering: 0,
    redirected: 0,
    consumed: 0,
    consumedByVhost: 0,
    bypassed: 0,
    purged: 0,
    resized: 0,
    failed: 0,
    overflowed: 0,
    unproduced: 0,
    sentBySoftirq: 0,
  };
  return {
    ...zero,
    shared: undefined,
    dropped: new Array<number>(slots).fill(0),
    rare: new Map(),
    events: new Map(),
    batches: emptyBatchSums(),
    perCpu: [],
  };
}

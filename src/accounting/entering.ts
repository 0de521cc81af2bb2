// SPDX-License-Identifier: Apache-2.0
// Packets that programs saw offered and that may yet be dropped: the newest of each queue on each CPU.
import { type DeviceSums, sumOf } from '../engine/queue-sums.ts';
import { type Reading, totalsOf } from './device-totals.ts';
import { leftOrWaiting } from './unseen.ts';

/**
 * None of them is counted by itself. If E1 (docs/accounting.md) adds up only as if all had entered, all have.
 * `base`: the kernel's deliveries when the accounting began; `uncounted`: packets in the rings that no program saw enter, at most;
 * `atRest`: nothing moved since the sample before, so that what vhost-net holds is not delivered meanwhile.
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

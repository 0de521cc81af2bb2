// SPDX-License-Identifier: Apache-2.0
// A deleted device as a walk right after its end would have shown it: no queue, and the kernel's last counters. Pure.
import { type DeviceSums, type QueueSums, sumOf } from '../engine/queue-sums.ts';
import { stillWaiting, type WalkedDevice, type WalkedQueue } from '../engine/walk.ts';
import type { LastCounters } from '../subjects/deleted-devices.ts';

/** A device at the last sample that saw it. */
export interface Seen {
  readonly walked: WalkedDevice;
  /** Read before the walk, and after it. */
  readonly sums: DeviceSums;
  readonly sumsAfter: DeviceSums;
  /** It appeared under watch, so that its sums hold all that ever entered. */
  readonly isWhole: boolean;
}

const NOTHING_KNOWN: Omit<WalkedDevice, 'id'> = {
  kind: 'tun',
  address: 0n,
  netns: 0,
  name: '',
  ifindex: 0,
  qdisc: '',
  backlog: undefined,
  tunFlags: 0,
  deviceFlags: 0,
  carrier: false,
  queueLength: 0,
  carrierUps: 0,
  queueChanges: undefined,
  conntrackDropped: undefined,
  detachedQueues: 0,
  queues: [],
  counters: { txPackets: 0, txBytes: 0, txDropped: 0, rxPackets: 0, rxBytes: 0, rxDropped: 0 },
  frameErrors: 0,
  xdp: { native: 0, generic: 0 },
  bridgePort: undefined,
};

/** `sums`: what our programs counted up to the end. `last`: undefined where no program noted the end. */
export function finalWalk(
  id: bigint,
  sums: DeviceSums,
  seen: Seen | undefined,
  last: LastCounters | undefined,
): WalkedDevice {
  const before = seen?.walked ?? { ...NOTHING_KNOWN, id };
  const counters = last?.counters ?? before.counters;
  const delivered = deliveredBy(sums, seen);
  const most = last ? counters.txPackets + last.waiting : Number.POSITIVE_INFINITY;
  const dropped = last ? 0 : total(sums, droppedOf) - total(seen?.sums, droppedOf);
  return {
    ...before,
    backlog: undefined,
    ...(last && {
      netns: last.netns,
      name: last.name,
      ifindex: last.ifindex,
      tunFlags: last.tunFlags,
      deviceFlags: last.deviceFlags,
      queueLength: last.queueLength,
      frameErrors: last.frameErrors,
    }),
    detachedQueues: 0,
    queues: [],
    counters: {
      ...counters,
      // A reader may have taken packets until the queue was taken from it: E1 of docs/accounting.md says how many.
      txPackets: Math.min(most, Math.max(counters.txPackets, delivered)),
      txDropped: counters.txDropped + dropped,
    },
  };
}

/**
 * E1: the kernel's tx_packets, by what was delivered at the last sample, and what entered and left the rings since. What happened while that sample was
 * taken may be in the walk and in the rows, or in one of them: a packet that entered or was purged meanwhile, and one that a reader took, which is in
 * the ring (or with the guest's backend) and may be in the kernel's counter too.
 */
function deliveredBy(sums: DeviceSums, seen: Seen | undefined): number {
  const left = total(sums, enteredOf) - total(sums, lostOf);
  if (!seen) return left;
  const { queues, counters } = seen.walked;
  const known = (waiting: (queue: WalkedQueue) => number): number =>
    counters.txPackets + sumOf(queues.map(waiting)) + left;
  const most =
    known(({ occupancy, backend }) => occupancy + (backend?.held ?? 0)) -
    total(seen.sums, enteredOf) +
    total(seen.sumsAfter, lostOf);
  const least = known(stillWaiting) - total(seen.sumsAfter, enteredOf) + total(seen.sums, lostOf);
  return seen.isWhole ? Math.max(Math.min(left, most), least) : most;
}

function enteredOf({ enqueued, entering }: QueueSums): number {
  return enqueued + entering;
}

function lostOf({ purged, resized, overflowed, failed }: QueueSums): number {
  return purged + resized + overflowed + failed;
}

function droppedOf({ dropped }: QueueSums): number {
  return sumOf(dropped);
}

function total(sums: DeviceSums | undefined, count: (queue: QueueSums) => number): number {
  return sumOf([...(sums?.values() ?? [])].map(count));
}

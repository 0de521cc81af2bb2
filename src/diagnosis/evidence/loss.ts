// SPDX-License-Identifier: Apache-2.0
// How many packets were lost, and from how many on that is worth a finding.
import type { Device, OtherDrop, Queue } from '../../snapshot.ts';
import type { Severity } from '../finding.ts';
import { type DeviceSpan, grown, type QueueSpan } from '../window.ts';

/** Packets of the window. */
export interface Loss {
  readonly lost: number;
  /** With those lost. */
  readonly offered: number;
  readonly share: number;
  readonly perSecond: number;
}

/** One lost ARP request of two is no incident: a ratio counts above a floor. The alerts' 1000 in five minutes is 33 in ten seconds. */
const FEWEST_LOST = 50;
const FEWEST_OFFERED = 200;
/** What TCP notices, and what it cannot work with; the alerts' own. */
const WARNING_SHARE = 0.001;
const CRITICAL_SHARE = 0.02;
/** ARP, neighbour discovery and the like reach every port of a bridge: losing a trickle of that does no harm. */
export const NOISE_PER_SECOND = 10;
/** A queue management that works drops less than this, on purpose. */
export const MANAGED_SHARE = 0.02;
/** Filters and firewalls drop on purpose; so much of the traffic is worth a question. */
export const MEANT_SHARE = 0.2;

export function lossOf(lost: number, passed: number, seconds: number): Loss {
  const offered = lost + passed;
  return { lost, offered, share: offered > 0 ? lost / offered : 0, perSecond: lost / seconds };
}

/** undefined: not worth a finding. */
export function severityOf({ lost, offered, share }: Loss): Severity | undefined {
  if (lost < FEWEST_LOST || offered < FEWEST_OFFERED || share < WARNING_SHARE) return undefined;
  return share >= CRITICAL_SHARE ? 'critical' : 'warning';
}

/** Of a device that the operator asks about, because of a ping that gets no answer. */
const FEWEST_ASKED = 3;

export function isMostOfFew({ lost, share }: Loss): boolean {
  return lost >= FEWEST_ASKED && share >= MEANT_SHARE;
}

/** A reader that takes a packet at that very moment hides the reason (UNTRACED): both together are the exact figure. */
export function ringDrops({ counters }: Queue): number {
  let sum = 0;
  for (const { reason, packets } of counters?.dropped ?? [])
    if (reason === 'FULL_RING' || reason === 'UNTRACED') sum += packets;
  return sum;
}

/** undefined: nothing counts drops of this queue. */
export function ringLoss(queue: QueueSpan): Loss | undefined {
  if (!queue.now.counters) return undefined;
  const lost = grown(queue, ringDrops) ?? 0;
  const offered = grown(queue, ({ counters }) => counters?.offered);
  return lossOf(lost, offered === undefined ? passedBy(queue) : Math.max(0, offered - lost), queue.device.seconds);
}

/** What the reader got; of a single queue the kernel's own counter knows it where nothing else does. */
function deliveredBy(queue: Queue, device: Device): number | undefined {
  return queue.counters?.delivered ?? (device.queues.length === 1 ? device.counters?.txPackets : undefined);
}

/** Where queues cannot be told apart, all that the device delivered: rather too small a share of loss than too large. */
export function passedBy(queue: QueueSpan): number {
  return delivered(queue) ?? grown(queue.device, ({ counters }) => counters?.txPackets) ?? 0;
}

export function delivered({ device, before, now }: QueueSpan): number | undefined {
  return grown({ before: [before, device.before], now: [now, device.now] } as const, ([queue, of]) =>
    deliveredBy(queue, of),
  );
}

/** Drops before tun that `wanted` chooses, against what reached tun. undefined: they are not counted. */
export function lossBefore(device: DeviceSpan, wanted: (drop: OtherDrop) => boolean): Loss | undefined {
  const lost = grown(device, ({ otherDropped }) =>
    otherDropped?.reduce((sum, drop) => (wanted(drop) ? sum + drop.packets : sum), 0),
  );
  return lost === undefined ? undefined : lossOf(lost, reachedTun(device), device.seconds);
}

/** By the kernel's own counters, which every host has. */
function reachedTun(device: DeviceSpan): number {
  return grown(device, ({ counters }) => (counters ? counters.txPackets + counters.txDropped : undefined)) ?? 0;
}

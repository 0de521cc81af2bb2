// SPDX-License-Identifier: Apache-2.0
// How long packets wait in the qdisc and in the ring: measured where they are timed, else by Little's law (packets that stand, by those that leave).
import type { BacklogHolder, Device } from '../../snapshot/device.ts';
import type { Queue } from '../../snapshot/queue.ts';
import { type DeviceSpan, grown, type QueueSpan } from '../window.ts';
import { delivered } from './loss.ts';
import { STALLED_SECONDS } from './stall.ts';

/** The mean wait from which on it is a fault. */
export const LATE_SECONDS = 0.1;
const CRITICAL_SECONDS = 1;
/** The share of the samples in which packets stand: a burst that drains is none. */
const MOSTLY = 0.5;
/** With fewer, one packet that is seen by chance makes a mean. */
const FEWEST_LEFT = 5;
const FEWEST_TIMED = 10;

export function delaySeverity(seconds: number): 'info' | 'warning' | 'critical' {
  if (seconds >= CRITICAL_SECONDS) return 'critical';
  return seconds >= LATE_SECONDS ? 'warning' : 'info';
}

/** Packets that stand in the qdisc, or in the part of it that holds most of them, for most of the window. */
export interface QdiscWait {
  /** Mean of a packet; of those that stand at the end, where none leaves. */
  readonly seconds: number;
  /** Packets, on average. */
  readonly standing: number;
  /** Packets that leave it. */
  readonly perSecond: number;
}

/** undefined: nothing stands there for long, or it is not measured. */
export function qdiscWait(device: DeviceSpan): QdiscWait | undefined {
  const { steps, seconds } = device;
  const stands = steps.filter(isStanding).length / steps.length;
  const packetSeconds = grown(device, ({ backlog }) => backlog?.packetSeconds) ?? 0;
  if (stands < MOSTLY || packetSeconds === 0 || !isStanding(device.now)) return undefined;
  const { share, left, perSecond } = holderOf(device) ?? wholeOf(device);
  const standing = (share * packetSeconds) / seconds;
  if (left >= FEWEST_LEFT) return { seconds: standing / perSecond, standing, perSecond };
  const still = standsStill(device);
  return still >= STALLED_SECONDS ? { seconds: still, standing, perSecond } : undefined;
}

interface Leaving {
  /** Of the packets that stand. */
  readonly share: number;
  readonly left: number;
  readonly perSecond: number;
}

function wholeOf(device: DeviceSpan): Leaving {
  const left = leftQdisc(device) ?? 0;
  return { share: 1, left, perSecond: left / device.seconds };
}

/** The packets of other classes and queues pass by: they say nothing of the wait here. undefined: it changed, or is not measured. */
function holderOf({ steps, takenAt, now }: DeviceSpan): Leaving | undefined {
  const holder = now.backlog?.holder;
  const first = steps.findIndex(({ backlog }) => isSame(backlog?.holder, holder));
  const seconds = (takenAt.at(-1) ?? 0) - (takenAt[first] ?? 0);
  const from = steps[first]?.backlog?.holder?.sent;
  if (holder?.sent === undefined || from === undefined || first >= steps.length / 2) return undefined;
  const left = Math.max(0, holder.sent - from);
  const sum = (of: (device: Device) => number | undefined): number =>
    steps.reduce((all, step) => all + (of(step) ?? 0), 0);
  const held = sum(({ backlog }) => (isSame(backlog?.holder, holder) ? backlog?.holder?.packets : 0));
  return { share: held / sum(({ backlog }) => backlog?.packets), left, perSecond: left / seconds };
}

function isSame(one: BacklogHolder | undefined, other: BacklogHolder | undefined): boolean {
  return (
    one !== undefined &&
    one.kind === other?.kind &&
    one.handle === other.handle &&
    one.class === other.class &&
    one.queue === other.queue
  );
}

function isStanding({ backlog }: Device): boolean {
  return (backlog?.packets ?? 0) > 0;
}

/** Packets that came from the qdisc to tun. */
function leftQdisc(device: DeviceSpan): number | undefined {
  return grown(device, reachedTun);
}

function reachedTun({ queues, counters }: Pick<Device, 'queues' | 'counters'>): number | undefined {
  let offered = 0;
  for (const queue of queues) {
    if (queue.counters?.offered === undefined)
      return counters && counters.txPackets + counters.txDropped + inRings(queues);
    offered += queue.counters.offered;
  }
  return offered;
}

function inRings(queues: readonly Queue[]): number {
  return queues.reduce((sum, { ring }) => sum + (ring?.occupancy ?? 0), 0);
}

/** Seconds at the end of the window in which packets stood and none left. */
function standsStill({ steps, takenAt, now }: DeviceSpan): number {
  const sent = now.backlog?.holder?.sent;
  const left = ({ backlog, ...device }: Device): number | undefined =>
    sent === undefined
      ? reachedTun(device)
      : isSame(backlog?.holder, now.backlog?.holder)
        ? backlog?.holder?.sent
        : undefined;
  const last = left(now);
  let first = steps.length - 1;
  while (first > 0) {
    const earlier = steps[first - 1];
    if (!earlier || !isStanding(earlier) || left(earlier) !== last) break;
    first--;
  }
  return (takenAt.at(-1) ?? 0) - (takenAt[first] ?? 0);
}

export interface RingWait {
  /** Mean of a packet. */
  readonly seconds: number;
  /** Packets, on average of the samples. */
  readonly standing: number;
  readonly isMeasured: boolean;
}

/** undefined: too few packets were taken, or it has no ring. */
export function ringWait(queue: QueueSpan): RingWait | undefined {
  const { before, now, steps, device } = queue;
  const taken = delivered(queue) ?? 0;
  if (!now.ring || taken < FEWEST_LEFT) return undefined;
  const standing = steps.reduce((sum, { ring }) => sum + (ring?.occupancy ?? 0), 0) / steps.length;
  const timed = grown({ before, now }, ({ history }) => sumOf(history?.sojourn?.buckets)) ?? 0;
  const spent = grown({ before, now }, ({ history }) => history?.sojourn?.sum) ?? 0;
  return timed >= FEWEST_TIMED
    ? { seconds: spent / timed / 1e9, standing, isMeasured: true }
    : { seconds: (standing * device.seconds) / taken, standing, isMeasured: false };
}

function sumOf(values: readonly number[] | undefined): number | undefined {
  return values?.reduce((all, one) => all + one, 0);
}

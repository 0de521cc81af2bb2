// SPDX-License-Identifier: Apache-2.0
// How many packets were lost, and from how many on that is worth a finding.
import type { Device, OtherDrop } from '../../snapshot/device.ts';
import type { Queue } from '../../snapshot/queue.ts';
import type { Severity } from '../finding.ts';
import { type DeviceSpan, grown, type QueueSpan } from '../window.ts';

/** Packets of the window. */
export interface Loss {
  readonly lost: number;
  /** Packets, including those lost. */
  readonly offered: number;
  readonly share: number;
  readonly perSecond: number;
  /** The loss in the ten seconds that lost most; undefined: only the whole is known. */
  readonly worst?: () => Loss;
}

/** One lost ARP request of two is no incident: a ratio counts above a floor. The alerts' 1000 in five minutes is 33 in ten seconds. */
const FEWEST_LOST = 50;
const FEWEST_OFFERED = 200;
/** The window that rules are made for: that of the agent. */
export const USUAL_SECONDS = 10;
/** A shorter window has as many packets a second. */
export const FEWEST_OFFERED_PER_SECOND = FEWEST_OFFERED / USUAL_SECONDS;
/** Loss that slows TCP, and loss that stalls it; the same as in the alerts. */
const WARNING_SHARE = 0.001;
const CRITICAL_SHARE = 0.02;
/** The alerts' own too. */
const CRITICAL_PER_SECOND = FEWEST_LOST / USUAL_SECONDS;
/** ARP, neighbour discovery and the like reach every port of a bridge: losing a trickle of that does no harm. */
export const NOISE_PER_SECOND = 10;
/** Packets a second to the guest: fewer are what the host itself asks now and then. */
export const TRICKLE_PER_SECOND = 1;
/** A queue management that works drops less than this, on purpose. */
export const MANAGED_SHARE = 0.02;
/** Filters and firewalls drop on purpose; so much of the traffic is worth a question. */
export const MEANT_SHARE = 0.2;

export function lossOf(lost: number, passed: number, seconds: number): Loss {
  const offered = lost + passed;
  return { lost, offered, share: offered > 0 ? lost / offered : 0, perSecond: lost / seconds };
}

/** undefined: not worth a finding. How many packets that takes is a question of evidence; how grave it is, of `gravityOf`. */
export function severityOf(loss: Loss): Severity | undefined {
  const { lost, offered, share, perSecond } = loss;
  const offeredPerSecond = lost > 0 ? (offered / lost) * perSecond : 0;
  const isSeen = lost >= FEWEST_LOST && (offered >= FEWEST_OFFERED || offeredPerSecond >= FEWEST_OFFERED_PER_SECOND);
  return isSeen && share >= WARNING_SHARE ? gravityOf(loss) : undefined;
}

/** Severity by share and rate of the worst ten seconds: a longer window makes a loss neither graver nor slighter. */
export function gravityOf(loss: Loss): 'warning' | 'critical' {
  const { share, perSecond } = loss.worst?.() ?? loss;
  return share >= CRITICAL_SHARE && perSecond >= CRITICAL_PER_SECOND ? 'critical' : 'warning';
}

/** The same loss, of a window that is longer than usual with its worst part. `of` may ask for the first and last state alone. */
function withWorst(whole: Loss, { seconds, takenAt }: DeviceSpan, of: (from: number, to: number) => Loss): Loss {
  if (whole.lost === 0 || seconds <= LONGEST_PART) return whole;
  return { ...whole, worst: () => worstOf(takenAt, of) ?? whole };
}

/** Snapshots come a little late. */
const LONGEST_PART = USUAL_SECONDS + 0.5;

function worstOf(takenAt: readonly number[], of: (from: number, to: number) => Loss): Loss | undefined {
  let worst: Loss | undefined;
  let from = 0;
  for (let to = 1; to < takenAt.length; to++) {
    while (from < to - 1 && (takenAt[to] ?? 0) - (takenAt[from] ?? 0) > LONGEST_PART) from++;
    const loss = of(from, to);
    if (loss.lost > (worst?.lost ?? 0)) worst = loss;
  }
  return worst;
}

/** The part of a device's window from one of its steps to another. */
function partOf(device: DeviceSpan, from: number, to: number): DeviceSpan {
  const [before = device.before, now = device.now] = [device.steps[from], device.steps[to]];
  const takenAt = [device.takenAt[from] ?? 0, device.takenAt[to] ?? 0];
  return {
    seconds: (takenAt[1] ?? 0) - (takenAt[0] ?? 0),
    before,
    now,
    steps: [before, now],
    takenAt,
    queues: [],
    agent: device.agent,
  };
}

/** `of` looks at the first and the last state. */
export function lossIn(device: DeviceSpan, of: (part: DeviceSpan) => Loss): Loss {
  return withWorst(of(device), device, (from, to) => of(partOf(device, from, to)));
}

/** The same of a queue. */
export function lossInQueue(queue: QueueSpan, of: (part: QueueSpan) => Loss): Loss {
  return withWorst(of(queue), queue.device, (from, to) => {
    const [before = queue.before, now = queue.now] = [queue.steps[from], queue.steps[to]];
    return of({ device: partOf(queue.device, from, to), before, now, steps: [before, now] });
  });
}

/** The limit for a device that the operator asks about, because a ping gets no answer. */
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
  return lossInQueue(queue, (part) => {
    const lost = grown(part, ringDrops) ?? 0;
    const offered = grown(part, ({ counters }) => counters?.offered);
    return lossOf(lost, offered === undefined ? passedBy(part) : Math.max(0, offered - lost), part.device.seconds);
  });
}

/** Packets that the reader got; for a single queue the kernel's own counter can stand in. */
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

/** Freed on their way to the device: in front of it, or while a person asks at another device. */
export function dropsTowards({ otherDropped, surroundings }: Device): readonly OtherDrop[] | undefined {
  const elsewhere = surroundings?.lost ?? [];
  return elsewhere.length === 0 ? otherDropped : [...(otherDropped ?? []), ...elsewhere];
}

/** Drops before tun that `wanted` chooses, against what reached tun. undefined: they are not counted. */
export function lossBefore(device: DeviceSpan, wanted: (drop: OtherDrop) => boolean): Loss | undefined {
  const lostIn = (part: DeviceSpan): number | undefined =>
    grown(part, (state) => dropsTowards(state)?.reduce((sum, drop) => (wanted(drop) ? sum + drop.packets : sum), 0));
  if (lostIn(device) === undefined) return undefined;
  return lossIn(device, (part) => lossOf(lostIn(part) ?? 0, reachedTun(part), part.seconds));
}

/** Packets that reached tun, by the kernel's own counters, which every host has. */
function reachedTun(device: DeviceSpan): number {
  return (grown(device, ({ counters }) => counters?.txPackets) ?? 0) + lostInTun(device);
}

/**
 * Drops of tun itself: tx_dropped but for what was lost before tun and is counted there too (the noop qdisc of a device without carrier,
 * and the core). The queues tell which is which; drops that no program saw count as tun's.
 */
export function lostInTun(device: DeviceSpan): number {
  const all = grown(device, ({ counters }) => counters?.txDropped) ?? 0;
  const before = grown(device, ({ otherDropped }) => otherDropped?.reduce((sum, { packets }) => sum + packets, 0)) ?? 0;
  if (all === 0 || before === 0) return all;
  const own = grown(device, droppedByQueues) ?? all;
  return all - Math.min(before, Math.max(0, all - own));
}

/** undefined: drops of a queue are not counted. */
function droppedByQueues({ queues, unseen }: Device): number | undefined {
  let sum = queues.length > 1 ? (unseen?.dropped ?? 0) : 0; // a single queue has them as UNTRACED
  for (const { counters } of queues) {
    if (!counters) return undefined;
    for (const { packets } of counters.dropped) sum += packets;
  }
  return sum;
}

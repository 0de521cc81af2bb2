// SPDX-License-Identifier: Apache-2.0
// How long packets from a guest or writer wait in front of the device by which the host sends them on, by Little's law.
import type { Device, WaitBeyond } from '../../snapshot/device.ts';
import type { OthersBacklog } from '../../snapshot/surroundings.ts';
import { type DeviceSpan, grown } from '../window.ts';
import { STALLED_SECONDS } from './stall.ts';
import { redirectsIn } from './surroundings.ts';

export interface OnwardWait {
  readonly backlog: OthersBacklog;
  /** Mean of a packet; where none leaves, for how long that is known. */
  readonly seconds: number;
  /** Packets, on average. */
  readonly standing: number;
  /** Packets that leave it, of this device and of others. */
  readonly perSecond: number;
  /** Packets of this device that went there in the window. */
  readonly own: number;
}

/** With fewer, one packet that is seen by chance makes a mean. */
const FEWEST = 5;
/** The share of the samples in which packets stand: a burst that drains is none. */
const MOSTLY = 0.5;

/** The longest wait first. */
export function onwardWaits(device: DeviceSpan): readonly OnwardWait[] {
  const sent = sentTo(device);
  const copies = copiesSent(device);
  return backlogsOf(device)
    .flatMap((backlog) => {
      const own = Math.max(0, ...[backlog.device, ...(backlog.above ?? [])].map((name) => sent.get(name) ?? 0));
      const all = own + (backlog.bridge !== undefined && backlog.bridge === bridgeOf(device) ? copies : 0);
      return all >= FEWEST ? (waitAt(device, backlog.device, all) ?? []) : [];
    })
    .toSorted((a, b) => b.seconds - a.seconds);
}

/** What comes to the host for it, or what the host sends to its bridge: others' packets too. The longest first. */
export function inwardWaits(device: DeviceSpan): readonly OnwardWait[] {
  const got = grown(device, ({ counters }) => counters?.txPackets) ?? 0;
  if (got < FEWEST) return [];
  return backlogsOf(device)
    .filter((backlog) => backlog.holdsIncoming || backlog.device === bridgeOf(device))
    .flatMap((backlog) => waitAt(device, backlog.device, got) ?? [])
    .toSorted((a, b) => b.seconds - a.seconds);
}

export interface BeyondWait extends Pick<WaitBeyond, 'device' | 'netns' | 'sentBy' | 'packets'> {
  /** Mean of a packet, as measured. */
  readonly seconds: number;
}

/** What goes on behind a veth or in a tunnel, and waits there; the longest first. */
export function beyondWaits({ steps, now }: DeviceSpan): readonly BeyondWait[] {
  const first = steps.find(({ sentOn }) => sentOn)?.waitsBeyond ?? [];
  return (now.waitsBeyond ?? [])
    .flatMap((wait) => {
      const before = first.find((one) => isSamePlace(one, wait));
      const isOn = before && before.packets <= wait.packets; // else counting began anew
      const packets = wait.packets - (isOn ? before.packets : 0);
      const seconds = wait.seconds - (isOn ? before.seconds : 0);
      return packets >= FEWEST ? [{ ...wait, packets, seconds: seconds / packets }] : [];
    })
    .toSorted((a, b) => b.seconds - a.seconds);
}

function isSamePlace(one: WaitBeyond, other: WaitBeyond): boolean {
  return one.device === other.device && one.netns === other.netns && one.sentBy === other.sentBy;
}

/** In which packets stand now, the device's own apart. */
function backlogsOf({ now }: DeviceSpan): readonly OthersBacklog[] {
  return (now.surroundings?.backlogs ?? []).filter(({ device }) => device !== now.name);
}

function bridgeOf({ now: { bridgePort } }: DeviceSpan): string | undefined {
  return bridgePort === 'unread' ? undefined : bridgePort?.bridge;
}

/** Packets of the window of which the bridge sends a copy by each of its ports. */
function copiesSent({ steps, now }: DeviceSpan): number {
  const copiesIn = (ways: Device['sentOn']): number =>
    (ways ?? []).reduce((sum, { device, packets }) => (device === undefined ? sum + packets : sum), 0);
  const [before, all] = [copiesIn(steps.find(({ sentOn }) => sentOn)?.sentOn), copiesIn(now.sentOn)];
  return all >= before ? all - before : all;
}

/** Packets of the window by device: those that the host sent on, and those that a tc filter took at once. */
export function sentTo(device: DeviceSpan): ReadonlyMap<string, number> {
  const { steps, now } = device;
  const first = steps.find(({ sentOn }) => sentOn)?.sentOn ?? [];
  const sums = new Map<string, number>();
  for (const { device: to, ports, packets } of now.sentOn ?? []) {
    const before = first.find((one) => one.device === to && one.ports === ports)?.packets ?? 0;
    if (to !== undefined) sums.set(to, packets >= before ? packets - before : packets);
  }
  const taken = redirectsIn(device, ({ from, hook, isCopy }) => from === now.name && hook === 'ingress' && !isCopy);
  for (const { to, packets } of taken) sums.set(to, Math.max(packets, sums.get(to) ?? 0));
  return sums;
}

function waitAt({ steps, takenAt }: DeviceSpan, name: string, own: number): OnwardWait | undefined {
  const seen = steps.flatMap(({ surroundings }, i) =>
    surroundings?.backlogs
      ? [{ at: takenAt[i] ?? 0, backlog: surroundings.backlogs.find(({ device }) => device === name) }]
      : [],
  );
  const full = seen.flatMap(({ at, backlog }) => (backlog ? [{ at, backlog }] : []));
  const [first, last] = [full[0], full.at(-1)];
  if (!first || !last || seen.at(-1)?.backlog === undefined || full.length < MOSTLY * seen.length) return undefined;
  const seconds = last.at - first.at;
  const left = last.backlog.sent - first.backlog.sent;
  const standing = full.reduce((sum, { backlog }) => sum + backlog.packets, 0) / seen.length;
  const common = { backlog: last.backlog, standing, own };
  if (seconds > 0 && left >= FEWEST)
    return { ...common, seconds: (standing * seconds) / left, perSecond: left / seconds };
  return left === 0 && seconds >= STALLED_SECONDS ? { ...common, seconds, perSecond: 0 } : undefined;
}

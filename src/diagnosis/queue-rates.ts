// SPDX-License-Identifier: Apache-2.0
// The current state of each queue: rates over a short window, and rarer figures over a longer one.
import type { Device, OtherDrop } from '../snapshot/device.ts';
import type { Owner } from '../snapshot/owner.ts';
import { droppedPackets, type Observations, type Queue, type Ring, workerOf } from '../snapshot/queue.ts';
import { namespaceIn } from './format.ts';
import { type DeviceSpan, grown, type QueueSpan, type Window } from './window.ts';

/** undefined: not measured on this host, or nothing to measure it by. Packets a second unless named otherwise. */
export interface QueueRate {
  readonly device: string;
  readonly netns: number;
  /** Name or inode number. */
  readonly namespace: string;
  /** undefined: the device has no queue now. */
  readonly queue: number | undefined;
  readonly offered: number | undefined;
  /** What the whole device was offered, by the kernel's own counters: shown at its first queue, where there are several. */
  readonly deviceOffered?: number | undefined;
  /** At the queue. Of a device without a queue only where nothing tells what was lost before it: its own counter has the same packets. */
  readonly dropped: number | undefined;
  /** Packets from the guest or writer, and those lost before tun: of the whole device, shown at its first queue. */
  readonly written: number | undefined;
  readonly lostBefore: number | undefined;
  readonly ring: Ring | undefined;
  /** The share of the time, 0 to 1. */
  readonly stopped: number | undefined;
  /** Seconds in the ring that 99 of 100 packets stayed below. */
  readonly sojourn: number | undefined;
  readonly reader: { readonly name: string; readonly thread: number | undefined } | undefined;
  /** The reader's most frequent state while the queue was full or stopped; undefined: it was neither. */
  readonly state: string | undefined;
  readonly owner: Owner | undefined;
}

/** `recent` is the longer window and ends where `window` does. */
export function queueRates(window: Window, recent: Window): readonly QueueRate[] {
  const longer = new Map(recent.devices.map((span) => [span.now.id, span]));
  return window.devices.flatMap((span) => {
    const before = longer.get(span.now.id) ?? span;
    const queues = span.queues.map((queue, index) => {
      const long = before.queues.find(({ now }) => now.index === queue.now.index) ?? queue;
      return rateOf(window, span, queue, long, index === 0);
    });
    return queues.length > 0 ? queues : [rateOf(window, span, undefined, undefined, true)];
  });
}

function rateOf(
  { agent }: Window,
  device: DeviceSpan,
  queue: QueueSpan | undefined,
  long: QueueSpan | undefined,
  isFirst: boolean,
): QueueRate {
  const { now, seconds } = device;
  const perSecond = (packets: number | undefined): number | undefined =>
    packets === undefined ? undefined : packets / seconds;
  const ofDevice = (counter: (seen: Device) => number | undefined): number | undefined =>
    isFirst ? perSecond(grown(device, counter)) : undefined;
  const ofQueue = (counter: (seen: Queue) => number | undefined): number | undefined =>
    queue && perSecond(grown(queue, counter));
  const isAlone = device.queues.length < 2;
  return {
    device: now.name,
    netns: now.netns,
    namespace: namespaceIn(now.netns, agent),
    queue: queue?.now.index,
    offered: ofQueue(({ counters }) => counters?.offered) ?? (isAlone ? ofDevice(offeredToDevice) : undefined),
    ...(isAlone ? {} : { deviceOffered: ofDevice(offeredToDevice) }),
    dropped:
      ofQueue(({ counters }) => counters && droppedPackets(counters)) ??
      (isAlone && (queue || !now.otherDropped) ? ofDevice(droppedByDevice) : undefined),
    written: ofDevice(({ macvtap, counters }) => macvtap?.written ?? counters?.rxPackets),
    lostBefore: ofDevice(({ otherDropped }) => otherDropped && packetsOf(otherDropped)),
    ring: queue?.now.ring,
    stopped: ofQueue(({ flow }) => flow?.stoppedSeconds),
    sojourn: long && quantile(long, 0.99),
    reader: queue && readerOf(queue.now),
    state: long && mostlyIn(long),
    owner: queue?.now.owner ?? now.queues.find(({ owner }) => owner)?.owner,
  };
}

function offeredToDevice({ macvtap, counters }: Device): number | undefined {
  return macvtap?.offered ?? (counters && counters.txPackets + counters.txDropped);
}

function droppedByDevice({ macvtap, counters }: Device): number | undefined {
  return macvtap ? packetsOf(macvtap.dropped) : counters?.txDropped;
}

function packetsOf(drops: readonly OtherDrop[]): number {
  return drops.reduce((sum, { packets }) => sum + packets, 0);
}

function readerOf(queue: Queue): QueueRate['reader'] {
  const { reader, owner } = queue;
  const worker = workerOf(queue);
  if (worker) return { name: worker.comm, thread: worker.tid };
  return owner && { name: owner.comm, thread: reader?.thread ?? owner.pid };
}

function mostlyIn({ before, now }: QueueSpan): string | undefined {
  const earlier = new Map(before.reader?.fullSeconds.map(({ state, seconds }) => [state, seconds]));
  const grew = (now.reader?.fullSeconds ?? [])
    .map(({ state, seconds }) => ({ state, seconds: seconds - (earlier.get(state) ?? 0) }))
    .sort((a, b) => b.seconds - a.seconds);
  return grew[0] && grew[0].seconds > 0 ? grew[0].state : undefined;
}

/** Seconds; the upper end of the bucket in which it lies. */
function quantile({ before, now }: QueueSpan, share: number): number | undefined {
  const [from, to] = [before.history?.sojourn, now.history?.sojourn];
  if (!to) return undefined;
  const counts = to.buckets.map((count, bits) => Math.max(0, count - countIn(from, bits)));
  const all = counts.reduce((sum, count) => sum + count, 0);
  let below = 0;
  const bits = counts.findIndex((count) => {
    below += count;
    return all > 0 && below >= share * all;
  });
  return bits < 0 ? undefined : 2 ** bits / 1e9;
}

function countIn(observations: Observations | undefined, bits: number): number {
  return observations?.buckets[bits] ?? 0;
}

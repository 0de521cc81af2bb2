// SPDX-License-Identifier: Apache-2.0
// Sums over devices that have ended. They only grow.
import { sumOf } from '../engine/queue-sums.ts';
import type { Ended, EndedCounts, EndedDevice } from '../snapshot/deleted-devices.ts';
import type { Device, OtherDrop, RefusedWrites, UncountedLoss } from '../snapshot/device.ts';
import type { ReasonCount } from '../snapshot/queue.ts';

/** The devices that are listed one by one. */
const LATEST = 32;

export const NO_COUNTS: EndedCounts = {
  offered: undefined,
  delivered: 0,
  received: 0,
  dropped: [],
  droppedBefore: [],
  uncounted: [],
  receiveDropped: [],
  refused: undefined,
  unaccounted: 0,
};

/** Lives as long as the agent; programs are made anew with each load of the driver. */
export class DeletedLog {
  readonly #filter: (name: string) => boolean;
  #now: Ended = { seen: 0, unseen: 0, inexact: 0, counts: NO_COUNTS, latest: [] };

  /** `filter`: the devices that are shown. */
  constructor(filter: (name: string) => boolean) {
    this.#filter = filter;
  }

  /** The same object until another device has ended. */
  get now(): Ended {
    return this.#now;
  }

  add(ended: readonly EndedDevice[]): void {
    const devices = ended.filter(({ name }) => name === '' || this.#filter(name));
    if (devices.length === 0) return;
    const { seen, unseen, inexact, counts, latest } = this.#now;
    const times = (is: (device: EndedDevice) => boolean): number => devices.filter(is).length;
    this.#now = {
      seen: seen + times(({ seenFor }) => seenFor !== undefined),
      unseen: unseen + times(({ seenFor }) => seenFor === undefined),
      inexact: inexact + times(({ degraded }) => degraded.length > 0),
      counts: devices.reduce((sum, device) => plus(sum, device.counts), counts),
      latest: [...latest, ...devices].slice(-LATEST),
    };
  }
}

/** `device`: as a last look shows it. `before`: the kernel's counters when the agent first saw it. */
export function countsOf(
  device: Device,
  before: { readonly delivered: number; readonly received: number },
): EndedCounts {
  const counted = device.queues.flatMap(({ counters }) => counters ?? []);
  const offered = counted.map((counters) => counters.offered).filter((packets) => packets !== undefined);
  // One queue has them in its own figures; of several, none has.
  const { enqueued = 0, dropped = 0 } = device.queues.length === 1 ? {} : (device.unseen ?? {});
  const unseen = dropped > 0 ? [{ reason: 'UNTRACED', packets: dropped }] : [];
  const delivered = (device.counters?.txPackets ?? 0) - before.delivered;
  const known = offered.length > 0 ? sumOf(offered) + enqueued + dropped : undefined;
  return {
    // No program saw a packet of it, as at rest, where a device lives for less than the time between two samples: E1.
    offered: counted.length === 0 ? delivered + dropped : known,
    delivered,
    received: (device.counters?.rxPackets ?? 0) - before.received,
    dropped: together([...counted.flatMap((counters) => counters.dropped), ...unseen], byReason),
    droppedBefore: together(device.otherDropped ?? [], byPlace),
    uncounted: together(device.uncounted, byCause),
    receiveDropped: together(device.receive?.dropped ?? [], byPlace),
    refused: device.receive?.refused && writesOf(device.receive.refused),
    unaccounted: sumOf(device.audit.map(({ imbalance }) => Math.abs(imbalance))),
  };
}

function plus(one: EndedCounts, other: EndedCounts): EndedCounts {
  return {
    offered: one.offered === undefined ? other.offered : one.offered + (other.offered ?? 0),
    delivered: one.delivered + other.delivered,
    received: one.received + other.received,
    dropped: together([...one.dropped, ...other.dropped], byReason),
    droppedBefore: together([...one.droppedBefore, ...other.droppedBefore], byPlace),
    uncounted: together([...one.uncounted, ...other.uncounted], byCause),
    receiveDropped: together([...one.receiveDropped, ...other.receiveDropped], byPlace),
    refused: one.refused || other.refused ? writesOf([...(one.refused ?? []), ...(other.refused ?? [])]) : undefined,
    unaccounted: one.unaccounted + other.unaccounted,
  };
}

const byReason = ({ reason }: ReasonCount): string => reason;
const byPlace = ({ reason, location }: OtherDrop): string => `${reason} ${location}`;
const byCause = ({ cause }: UncountedLoss): string => cause;

/** One count for each key; none that is 0. */
function together<Count extends { readonly packets: number }>(
  counts: readonly Count[],
  keyOf: (count: Count) => string,
): readonly Count[] {
  const sums = new Map<string, Count>();
  for (const count of counts) {
    const known = sums.get(keyOf(count));
    if (count.packets > 0) sums.set(keyOf(count), known ? { ...known, packets: known.packets + count.packets } : count);
  }
  return [...sums.values()];
}

function writesOf(refused: readonly RefusedWrites[]): readonly RefusedWrites[] {
  const sums = new Map<string, number>();
  for (const { errno, writes } of refused) if (writes > 0) sums.set(errno, (sums.get(errno) ?? 0) + writes);
  return [...sums].map(([errno, writes]) => ({ errno, writes }));
}

// SPDX-License-Identifier: Apache-2.0
// What a window says of a device, without zeros: to see whether the fault is the fault.
import type { Device } from '../../src/snapshot/device.ts';
import type { Queue } from '../../src/snapshot/queue.ts';
import type { Snapshot } from '../../src/snapshot/snapshot.ts';

type Figures = Record<string, unknown>;

export function figuresOf(window: readonly Snapshot[], netns: number, name: string): Figures | undefined {
  const [before, now] = [window[0], window.at(-1)].map((snapshot) =>
    snapshot?.devices.find((device) => device.netns === netns && device.name === name),
  );
  return before && now ? grown(numbersOf(before), numbersOf(now)) : undefined;
}

/** Counters by how much they grew; what stays has its value. */
function grown(before: Figures, now: Figures): Figures {
  const entries = Object.entries(now).map(([key, value]) => {
    const from = before[key];
    const level = /occupancy|capacity|Now$/.test(key);
    const by = typeof value === 'number' ? value - (typeof from === 'number' && !level ? from : 0) : value;
    return [key, typeof by === 'number' ? Math.round(by * 100) / 100 : by] as const;
  });
  return Object.fromEntries(entries.filter(([, value]) => value !== 0 && value !== undefined));
}

function numbersOf(device: Device): Figures {
  const { counters, receive, macvtap, otherDropped = [], uncounted, flowControl, qdisc, degraded } = device;
  return {
    txPackets: counters?.txPackets,
    rxPackets: counters?.rxPackets,
    txDropped: counters?.txDropped,
    flowControlNow: flowControl,
    qdiscNow: qdisc,
    degradedNow: degraded.length || undefined,
    ...sums(otherDropped, ({ reason, location }) => `before ${reason} ${location}`),
    ...sums(receive?.dropped ?? [], ({ reason, location }) => `received ${reason} ${location}`),
    ...sums(uncounted, ({ cause }) => `uncounted ${cause}`),
    ...Object.fromEntries((receive?.refused ?? []).map(({ errno, writes }) => [`refused ${errno}`, writes])),
    ...sums(receive?.refusedByHost ?? [], ({ reason, location }) => `by the host ${reason} ${location}`),
    frameErrors: receive?.frameErrors,
    macvtapOffered: macvtap?.offered,
    ...sums(macvtap?.dropped ?? [], ({ reason, location }) => `macvtap ${reason} ${location}`),
    ...Object.assign({}, ...device.queues.map(queueNumbers)),
  };
}

function queueNumbers({ index, counters, ring, reader, flow, redirected, vhost, degraded }: Queue): Figures {
  const own = {
    offered: counters?.offered,
    delivered: counters?.delivered,
    purged: counters?.purged,
    resized: counters?.resized,
    ...sums(counters?.dropped ?? [], ({ reason }) => `dropped ${reason}`),
    occupancy: ring?.occupancy,
    capacity: ring?.capacity,
    ...Object.fromEntries((reader?.fullSeconds ?? []).map(({ state, seconds }) => [`full ${state}`, seconds])),
    stops: flow?.stops,
    stopped: flow?.stoppedSeconds,
    redirectsLost: redirected?.lost,
    noBuffer: vhost?.noBuffer,
    degradedNow: degraded.length || undefined,
  };
  return Object.fromEntries(Object.entries(own).map(([key, value]) => [`${index}: ${key}`, value]));
}

function sums<Item extends { readonly packets: number }>(items: readonly Item[], key: (item: Item) => string): Figures {
  const all: Record<string, number> = {};
  for (const item of items) all[key(item)] = (all[key(item)] ?? 0) + item.packets;
  return all;
}

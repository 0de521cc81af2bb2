// SPDX-License-Identifier: Apache-2.0
// Packets that the kernel frees, and why: thrown out of a ring, lost before tun, or dropped before the host chose a device for them.
import type { FreedPackets } from '../engine/freed-packets.ts';
import { HashEntries } from '../engine/hash-entries.ts';
import { mayBeInTxDropped, STOPPED_LOCATIONS, WRITE_LOCATIONS } from '../engine/locations.ts';
import { type ProbeEvent, WALK } from '../engine/mechanism.ts';
import { Places } from '../engine/places.ts';
import type { OpenSubject, Parts, Subject } from '../engine/subject.ts';
import { always, unlessWithoutReasons, withoutReasons, withoutSymbols } from '../engine/unavailable.ts';
import { Globals } from '../kernel/globals.ts';
import { layoutOf } from '../kernel/layout.ts';
import type { OtherDrop, UncountedLoss } from '../snapshot/device.ts';
import { core, counters, series } from '../snapshot/metric.ts';
import type { Queue } from '../snapshot/queue.ts';
import type { UnroutedDrop } from '../snapshot/snapshot.ts';

const EVENTS: readonly ProbeEvent[] = [
  {
    name: 'freed',
    measures: 'drop reasons, packets purged and cut by a resize',
    // It runs for every freed packet of the host: what it missed was mostly none of ours, and the audit sees the rest.
    besideAccounts: true,
    mechanisms: [
      {
        name: 'tp_btf',
        provides: ['drops'],
        programs: ['dropped_typed'],
        needs: WALK,
        tradeoff: undefined,
        unavailable: (host) => withoutSymbols(host) ?? withoutReasons(host),
      },
      {
        name: 'raw-tracepoint',
        provides: ['drops'],
        programs: ['dropped_raw'],
        needs: WALK,
        tradeoff: 'the same counts, each drop some instructions dearer',
        unavailable: (host) => withoutSymbols(host) ?? withoutReasons(host),
      },
      {
        name: 'location',
        provides: ['drops'],
        programs: ['dropped_located'],
        needs: WALK,
        tradeoff: 'no reasons: the function that freed a packet, and whether the ring was full, say what happened',
        unavailable: (host) => withoutSymbols(host) ?? unlessWithoutReasons(host),
      },
    ],
  },
  {
    name: 'before',
    measures: 'losses before tun: qdisc, bridge, no reader',
    mechanisms: [
      {
        name: 'raw-tracepoint',
        provides: ['drops-before'],
        programs: [],
        needs: ['freed='],
        tradeoff: undefined,
        unavailable: always,
      },
    ],
  },
];

function open(parts: Parts): OpenSubject {
  const { can } = parts.probes;
  const { freed } = parts;
  const unrouted = new UnroutedDrops(parts);
  return {
    see: ({ id }) => ({
      otherDropped: can('drops-before')
        ? beforeTun(freed, id)
            .filter(mayBeInTxDropped)
            .reduce((sum, { packets }) => sum + packets, 0)
        : Number.POSITIVE_INFINITY,
    }),
    device: ({ walked: { id } }, queues) => {
      const otherDropped = can('drops-before') ? beforeTun(freed, id) : undefined;
      return { otherDropped, uncounted: [...(can('drops') ? uncountedIn(queues) : []), ...stoppedIn(otherDropped)] };
    },
    agent: () => ({ unrouted: can('drops-before') ? unrouted.read() : undefined }),
    devices: () => freed.towards.keys(),
    remove: (gone) => freed.remove(gone),
  };
}

/** Towards the device, and not freed by tun on the way from the guest or writer. */
function beforeTun(freed: FreedPackets, id: bigint): readonly OtherDrop[] {
  return (freed.towards.get(id) ?? []).filter(({ location }) => !WRITE_LOCATIONS.includes(location));
}

/** Thrown out of rings, which no counter of the kernel shows. */
function uncountedIn(queues: readonly Queue[]): readonly UncountedLoss[] {
  return (['purged', 'resized', 'failed', 'overflowed'] as const).map((cause) => ({
    cause,
    packets: queues.reduce((sum, { counters }) => sum + (counters?.[cause] ?? 0), 0),
  }));
}

/** Sent past the qdisc into a stopped queue, which no counter of the kernel shows either. */
function stoppedIn(otherDropped: readonly OtherDrop[] | undefined): readonly UncountedLoss[] {
  if (!otherDropped) return [];
  const stopped = otherDropped.filter(({ location }) => STOPPED_LOCATIONS.includes(location));
  return [{ cause: 'stopped_queue', packets: stopped.reduce((sum, { packets }) => sum + packets, 0) }];
}

/** Packets that the host dropped before it chose an output device, by namespace, reason and function. */
class UnroutedDrops {
  readonly #parts: Pick<Parts, 'probes' | 'programs'>;
  readonly #entries: HashEntries;
  readonly #at: Readonly<Record<'location' | 'reason' | 'netns', number>>;
  readonly #variables: Globals<'unrouted_total'>;
  readonly #places: Places<number>;
  #total = 0;
  #read: readonly UnroutedDrop[] = [];

  constructor(parts: Pick<Parts, 'probes' | 'programs'>) {
    const { object } = parts.programs;
    this.#parts = parts;
    this.#places = new Places(parts.probes.symbols);
    this.#entries = new HashEntries(object, 'unrouted_drops');
    this.#at = layoutOf(object.btf(), 'unrouted_drop_key', ['location', 'reason', 'netns']).at;
    this.#variables = new Globals(object, ['unrouted_total']);
  }

  /** The same list while no packet came to it, which costs no system call. */
  read(): readonly UnroutedDrop[] {
    const total = this.#variables.u32('unrouted_total');
    if (total === this.#total) return this.#read;
    this.#total = total;
    const { reasons } = this.#parts.programs;
    const drops = new Map<string, UnroutedDrop>();
    const entries = this.#entries.read().map(({ key, value }) => ({
      netns: key.getUint32(this.#at.netns, true),
      reason: reasons.name(key.getUint32(this.#at.reason, true)),
      address: key.getBigUint64(this.#at.location, true),
      packets: Number(value.getBigUint64(0, true)),
    }));
    this.#places.learn(entries.map(({ address }) => address));
    for (const { netns, reason, address, packets } of entries) {
      const drop = { netns, ...this.#places.of(netns, reason, address), packets };
      // Several call sites of one function are one location.
      const label = `${drop.netns} ${drop.reason} ${drop.location}`;
      drops.set(label, { ...drop, packets: drop.packets + (drops.get(label)?.packets ?? 0) });
    }
    this.#read = [...drops.values()];
    return this.#read;
  }
}

export const freed: Subject = {
  name: 'freed',
  events: EVENTS,
  open,
  direction: 'transmit',
  metrics: {
    device: [
      core(
        counters(
          'tapscope_device_other_dropped_packets_total',
          'Packets towards the guest or reader lost before tun (qdisc, bridge, no reader), by kernel drop reason and the function that freed them (tracepoint skb:kfree_skb).',
          ['reason', 'location'],
          (device) =>
            (device.otherDropped ?? []).map(({ reason, location, packets }) => series(packets, reason, location)),
        ),
      ),
    ],
    agent: [
      counters(
        'tapscope_unrouted_dropped_packets_total',
        'Packets that came into a network namespace (inode number) and that the host dropped before it chose a device for them. Any of them may have been on its way to a guest. Causes: firewall in prerouting or ingress, no route or one that leads nowhere, rp_filter; not broadcasts that the host has no use for. By kernel drop reason and the function that freed them (tracepoint skb:kfree_skb).',
        ['netns', 'reason', 'location'],
        ({ unrouted = [] }) =>
          unrouted.map(({ netns, reason, location, packets }) => series(packets, String(netns), reason, location)),
      ),
    ],
  },
};

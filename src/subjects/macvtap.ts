// SPDX-License-Identifier: Apache-2.0
// macvtap and ipvtap devices: towards the guest they receive, from it they transmit. Rings by a walk of their own, drops by the tracepoint.
import { Generations } from '../engine/generations.ts';
import { HashEntries } from '../engine/hash-entries.ts';
import { MACVTAP_LOCATIONS, type MacvtapMeaning } from '../engine/locations.ts';
import { type ProbeEvent, WALK } from '../engine/mechanism.ts';
import { missedReads } from '../engine/probe-losses.ts';
import type { OpenSubject, Parts, Subject } from '../engine/subject.ts';
import { always, missing, untraceable } from '../engine/unavailable.ts';
import { IFF_UP, type WalkedDevice, Walker } from '../engine/walk.ts';
import { layoutOf } from '../kernel/layout.ts';
import type { BpfObject } from '../kernel/native.ts';
import { type Device, NO_DEVICE, type OtherDrop, type SendDrops, type UncountedLoss } from '../snapshot/device.ts';
import { counter, counters, directed, series, sinceDevice } from '../snapshot/metric.ts';
import type { Owner } from '../snapshot/owner.ts';
import type { SendBuffer } from '../snapshot/program.ts';
import { NO_QUEUE, type Queue } from '../snapshot/queue.ts';
import type { MacvtapReach } from '../snapshot/surroundings.ts';
import { MacvtapReaches } from './macvtap-reach.ts';
import { MACVTAP_ZEROCOPY, MacvtapZeroCopies, vhostOf } from './macvtap-vhost.ts';
import { TapLosses } from './tap-losses.ts';
import { WorkerAffinities } from './worker-affinity.ts';

const EVENTS: readonly ProbeEvent[] = [
  walkOf('macvtap'),
  walkOf('ipvtap'),
  {
    name: 'macvtap-reads',
    measures: 'packets that macvtap and ipvtap devices hand to their guests and readers',
    besideAccounts: true,
    mechanisms: [
      {
        name: 'fexit',
        provides: ['macvtap-reads'],
        programs: ['macvtap_read_fexit'],
        pins: true,
        needs: WALK,
        tradeoff: undefined,
        unavailable: (host) => untraceable(host, 'tap_do_read', 4),
      },
      { name: 'none', programs: [], needs: [], tradeoff: 'right while there are none', unavailable: always },
    ],
  },
  MACVTAP_ZEROCOPY,
];

function walkOf(kind: 'macvtap' | 'ipvtap'): ProbeEvent {
  return {
    name: `${kind}s`,
    measures: `${kind} devices, their rings and drops`,
    mechanisms: [
      {
        name: 'walk',
        provides: [`${kind}-walk`],
        programs: [`walk_${kind}s`],
        needs: [...WALK, 'freed='],
        tradeoff: undefined,
        unavailable: (host) => missing(host, `${kind}_newlink`),
      },
      { name: 'none', programs: [], needs: [], tradeoff: 'right while there are none', unavailable: always },
    ],
  };
}

/** Packets that macvtap and ipvtap devices handed to their guests and readers. */
export class MacvtapReads {
  readonly #entries: HashEntries;
  readonly #deviceAt: number;

  constructor(object: BpfObject) {
    this.#entries = new HashEntries(object, 'macvtap_reads');
    this.#deviceAt = layoutOf(object.btf(), 'macvtap_read_key', ['device_id']).at.device_id;
  }

  /** Sums over all queues, by device. */
  read(): ReadonlyMap<bigint, number> {
    const devices = new Map<bigint, number>();
    for (const { key, value } of this.#entries.read()) {
      const device = key.getBigUint64(this.#deviceAt, true);
      devices.set(device, (devices.get(device) ?? 0) + Number(value.getBigUint64(0, true)));
    }
    return devices;
  }

  remove(devices: ReadonlySet<bigint>): void {
    this.#entries.removeWhere((key) => devices.has(key.getBigUint64(this.#deviceAt, true)));
  }
}

const KINDS = ['macvtap', 'ipvtap'] as const;

function open(parts: Parts): OpenSubject {
  const { probes, programs, owners, freed, programFiles, states } = parts;
  const losses = new TapLosses(parts);
  const reaches = new MacvtapReaches(parts);
  const reads = new MacvtapReads(programs.object);
  const zeroCopies = new MacvtapZeroCopies(programs.object);
  const affinities = new WorkerAffinities();
  const walkers = new Map<string, Walker>();
  /** Of these devices no generation is asked for: each is made anew, and compared. */
  const generations = new Generations();
  let delivered: ReadonlyMap<bigint, number> = new Map();
  let made: ReadonlyMap<bigint, Device> = new Map();
  let walked: readonly WalkedDevice[] = [];
  /** Made late: its module may come later than the agent. */
  const walkerOf = (kind: (typeof KINDS)[number]): Walker | undefined => {
    const known = walkers.get(kind);
    if (known || !probes.can(`${kind}-walk`)) return known;
    const program = `walk_${kind}s`;
    const walker = new Walker(programs.objectOf(program), generations, program);
    walkers.set(kind, walker);
    return walker;
  };
  return {
    walk: () => {
      const walks = KINDS.flatMap((kind) => walkerOf(kind)?.walk() ?? []);
      const devices = walks.flatMap((one) => one.devices);
      const counted = probes.can('macvtap-reads');
      if (counted && (devices.length > 0 || delivered.size > 0)) delivered = reads.read();
      if (probes.can('macvtap-zerocopy')) zeroCopies.read();
      const degraded = missedReads(states());
      losses.read();
      reaches.read(devices);
      walked = devices;
      affinities.keepOnly(new Set(devices.map(({ id }) => id)));
      for (const one of devices) affinities.see(one);
      const now = devices.map((one): [bigint, Device] => {
        const packets = counted ? (delivered.get(one.id) ?? 0) : undefined;
        const sends = one.queues.map(({ tunFile, file }) => programFiles.find(tunFile, file)?.send);
        const guests = one.queues.map(({ index, backend }) =>
          vhostOf(backend, zeroCopies.of(one.id, index), affinities),
        );
        const held = { owners: owners.ofDevice(one), sends, guests };
        const sendDrops = losses.of(one.netns, one.ifindex);
        return [
          one.id,
          deviceOf(
            one,
            freed.towards.get(one.id) ?? [],
            { delivered: packets, sendDrops, reach: reaches.of(one.id), unfollowed: unfollowedBy(losses, reaches) },
            held,
            degraded,
          ),
        ];
      });
      const before = made;
      made = generations.compare(before, new Map(now));
      generations.remove(new Set([...before.keys()].filter((id) => !made.has(id))));
      return {
        devices,
        made: [...made.values()],
        complete: walks.every(({ complete }) => complete),
      };
    },
    isForeign: (id) => {
      const drops = freed.towards.get(id);
      const isCounted = delivered.has(id) || [...zeroCopies.devices()].includes(id);
      return isCounted || (drops ?? []).some(({ location }) => location in MACVTAP_LOCATIONS);
    },
    refresh: async (holdersRead) => {
      losses.refresh(made.size > 0);
      await Promise.all([reaches.refresh(walked), affinities.refresh(holdersRead)]);
    },
    devices: () => new Set([...delivered.keys(), ...zeroCopies.devices()]),
    remove: (gone) => {
      reads.remove(gone);
      zeroCopies.remove(gone);
    },
  };
}

function unfollowedBy({ refused }: TapLosses, { unfollowed }: MacvtapReaches): readonly string[] {
  const drops = refused === undefined ? [] : [`what the host drops on its way out (${refused})`];
  return unfollowed === undefined ? drops : [...drops, unfollowed];
}

function deviceOf(
  walked: WalkedDevice,
  freed: readonly OtherDrop[],
  counted: {
    readonly delivered: number | undefined;
    readonly sendDrops: SendDrops | undefined;
    readonly reach: MacvtapReach | undefined;
    /** What the kernel does not let us count, and why. */
    readonly unfollowed: readonly string[];
  },
  /** In the order of its queues. */
  {
    owners,
    sends,
    guests,
  }: {
    readonly owners: readonly (Owner | undefined)[];
    readonly sends: readonly (SendBuffer | undefined)[];
    readonly guests: readonly Queue['vhost'][];
  },
  degraded: readonly string[],
): Device {
  const { counters, queues } = walked;
  return {
    ...NO_DEVICE,
    netns: walked.netns,
    name: walked.name,
    ifindex: walked.ifindex,
    id: String(walked.id),
    kind: walked.kind,
    up: (walked.deviceFlags & IFF_UP) !== 0,
    carrier: walked.carrier,
    multiQueue: queues.length > 1,
    persistent: true,
    vnetHeader: false,
    queueLength: walked.queueLength,
    qdisc: walked.qdisc || undefined,
    flowControl: 'tail-drop',
    queues: queues.map((queue, place) => ({
      ...NO_QUEUE,
      index: queue.index,
      ring: { capacity: queue.capacity, occupancy: queue.occupancy, lag: queue.lag, highwater: undefined },
      owner: owners[place],
      vhost: guests[place],
      ...(sends[place] && { send: sends[place] }),
    })),
    attachedQueues: queues.length,
    detachedQueues: undefined,
    receive: { dropped: meaning(freed, 'written'), refused: undefined, frameErrors: undefined },
    macvtap: {
      offered: counters.rxPackets,
      dropped: meaning(freed, 'dropped'),
      delivered: counted.delivered,
      written: counters.txPackets,
      refused: counters.txDropped,
      ...(counted.sendDrops && { sendDrops: counted.sendDrops }),
      ...(counted.reach && { reach: counted.reach }),
    },
    uncounted: uncountedOf(freed),
    ...(counted.unfollowed.length > 0 && { unfollowed: counted.unfollowed }),
    degraded,
  };
}

function meaning(freed: readonly OtherDrop[], wanted: MacvtapMeaning): readonly OtherDrop[] {
  return freed.filter(({ location }) => MACVTAP_LOCATIONS[location] === wanted);
}

function uncountedOf(freed: readonly OtherDrop[]): readonly UncountedLoss[] {
  const causes = ['purged', 'resized', 'failed'] as const;
  return causes.map((cause) => ({
    cause,
    packets: meaning(freed, cause).reduce((sum, { packets }) => sum + packets, 0),
  }));
}

export const macvtap: Subject = {
  name: 'macvtap',
  events: EVENTS,
  modules: ['tap'],
  symbols: ['macvtap_newlink', 'ipvtap_newlink', 'tap_handle_frame', 'tap_release'],
  open,
  direction: 'receive',
  metrics: {
    device: [
      sinceDevice(
        counter(
          'tapscope_macvtap_offered_packets_total',
          'Packets towards the guest or reader that a macvtap or ipvtap was offered, those dropped included (rx_packets of macvlan_dev or ipvl_dev).',
          ({ macvtap }) => macvtap?.offered,
        ),
      ),
      counters(
        'tapscope_macvtap_dropped_packets_total',
        'Packets towards the guest or reader that a macvtap or ipvtap freed instead of queueing, by kernel drop reason and function (tap_handle_frame, tracepoint skb:kfree_skb).',
        ['reason', 'location'],
        ({ macvtap }) =>
          (macvtap?.dropped ?? []).map(({ reason, location, packets }) => series(packets, reason, location)),
      ),
      counter(
        'tapscope_macvtap_delivered_packets_total',
        'Packets that a macvtap or ipvtap handed to the guest or reader (tap_do_read, read and vhost).',
        ({ macvtap }) => macvtap?.delivered,
      ),
      directed(
        'transmit',
        sinceDevice(
          counter(
            'tapscope_macvtap_receive_packets_total',
            'Packets from the guest or writer that a macvtap or ipvtap sent on (tx_packets of macvlan_dev or ipvl_dev).',
            ({ macvtap }) => macvtap?.written,
          ),
        ),
      ),
    ],
  },
};

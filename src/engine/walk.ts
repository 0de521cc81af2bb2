// SPDX-License-Identifier: Apache-2.0
// One walk over all network namespaces, tun and tap devices and their queues, by BPF_PROG_TEST_RUN of walk_queues.
import { type Layout, layoutOf } from '../kernel/layout.ts';
import type { MapView } from '../kernel/map-view.ts';
import type { BpfObject } from '../kernel/native.ts';
import type { BridgePort, DeviceCounters } from '../snapshot/device.ts';
import type { Worker } from '../snapshot/queue.ts';
import { BridgePorts } from './bridge-ports.ts';
import type { Generations } from './generations.ts';
import { LastWalk } from './last-walk.ts';
import { type WalkedBacklog, WalkedBacklogs } from './walked-backlog.ts';
import { counted, NAME_BYTES } from './walked-fields.ts';

export interface WalkedQueue {
  readonly index: number;
  /** Address of its struct tun_file, an identity only; 0: no file attached at this index. */
  readonly tunFile: bigint;
  /** Address of its struct file, an identity only: the next struct tun_file is mostly at the address of the one before. */
  readonly file: bigint;
  readonly detached: boolean;
  readonly stopped: boolean;
  /** The queue's qdisc can hold packets (it is not noqueue). */
  readonly hasQdisc: boolean;
  /** The occupancy is not to be trusted: a resize was moving the entries, or the indices did not fit together. */
  readonly unsteady: boolean;
  readonly capacity: number;
  readonly occupancy: number;
  /** Slots that were consumed and not yet zeroed. */
  readonly lag: number;
  /** Index of the entry that is taken out next. */
  readonly consumerHead: number;
  /** Packets that left the ring after it was looked at, and before the device's counters were read. */
  readonly takenSince: number;
  /** Slot of its reader; undefined: all are used. */
  readonly reader: number | undefined;
  /** undefined: a program reads the queue, or nothing tells where the backend keeps what it holds. */
  readonly backend: WalkedBackend | undefined;
}

/** Packets that waited in its ring when the device's counters were read, at the least. */
export function stillWaiting({ occupancy, takenSince }: Pick<WalkedQueue, 'occupancy' | 'takenSince'>): number {
  return Math.max(0, occupancy - takenSince);
}

/** What takes packets for a guest within the kernel, instead of a program's read(). */
export interface WalkedBackend {
  /** Packets that it has taken out of the ring and not delivered. */
  readonly held: number;
  /** Packets of the guest that are on their way without having been copied; undefined: it copies all. */
  readonly outstanding: number | undefined;
  /** undefined: it has ended. */
  readonly worker: Worker | undefined;
}

const KINDS = ['tun', 'macvtap', 'ipvtap'] as const;

export interface WalkedDevice {
  /** tun: tap devices too. */
  readonly kind: (typeof KINDS)[number];
  readonly id: bigint;
  /** Of its struct net_device. */
  readonly address: bigint;
  readonly netns: number;
  readonly name: string;
  readonly ifindex: number;
  readonly qdisc: string;
  /** undefined: it has no qdisc that holds packets, or none that is read. */
  readonly backlog: WalkedBacklog | undefined;
  /** struct tun_struct flags: IFF_TUN, IFF_TAP, … */
  readonly tunFlags: number;
  /** struct net_device flags: IFF_UP, … */
  readonly deviceFlags: number;
  readonly carrier: boolean;
  readonly queueLength: number;
  /** Times that its carrier came (carrier_up_count): a process opened it when none held it. */
  readonly carrierUps: number;
  /** Queues that ever joined or left beside another one, by the kernel's count of their objects in sysfs; undefined: it has no sysfs. */
  readonly queueChanges: number | undefined;
  /** Packets that conntrack itself dropped in the device's namespace; undefined: the kernel has none. */
  readonly conntrackDropped: number | undefined;
  readonly detachedQueues: number;
  readonly queues: readonly WalkedQueue[];
  readonly counters: DeviceCounters;
  /** Packets from the guest or writer whose virtio-net header tun refused. */
  readonly frameErrors: number;
  /** Ids of XDP programs that see what the guest or writer sends: in tun, and behind it; 0: none. */
  readonly xdp: { readonly native: number; readonly generic: number };
  /** undefined: it is no port of a bridge. */
  readonly bridgePort: BridgePort | 'unread' | undefined;
}

/** What other programs see, for the walk arranges what depends on it. */
export interface Attached {
  readonly stops: boolean; // wakes of stopped queues
  readonly consumed: boolean; // packets that are taken, under the ring's lock
  readonly departures: boolean; // packets that are taken, when the call ends that took them
  readonly exits: boolean; // of the transmit function, beside its entry
}

export interface Walk {
  readonly devices: readonly WalkedDevice[];
  /** False: the list changed under the walk, or the output was full; a device that is not in it may exist all the same. */
  readonly complete: boolean;
}

export const COUNTER_FIELDS = ['tx_packets', 'tx_bytes', 'tx_dropped', 'rx_packets', 'rx_bytes', 'rx_dropped'] as const;
const DEVICE_FIELDS = [
  'kind',
  'device',
  'device_id',
  'netns',
  'ifindex',
  'name',
  'qdisc',
  'tun_flags',
  'device_flags',
  'state',
  'queue_length',
  'carrier_ups',
  'queue_changes',
  'conntrack_dropped',
  'detached',
  'first_queue',
  'queues_written',
  ...COUNTER_FIELDS,
  'rx_frame_errors',
  'xdp_program',
  'xdp_generic',
] as const;
const QUEUE_FIELDS = [
  'tun_file',
  'file',
  'device',
  'queue',
  'flags',
  'used',
  'size',
  'consumer_head',
  'consumer_tail',
  'reader',
  'taken_since',
  'outstanding',
  'held',
  'worker',
  'worker_cpu',
  'worker_ns',
  'worker_comm',
] as const;
const RESULT_FIELDS = [
  'tuns',
  'derailed',
  'left_out',
  'list_heads',
  'flow_watched',
  'consumer_seen',
  'departures_seen',
  'ports',
  'bridge_layout',
  'exit_hooked',
] as const;
/** Flags of struct tun_struct, uapi/linux/if_tun.h. */
export const TUN_FLAGS = {
  TAP: 0x0002,
  BACKPRESSURE: 0x0080,
  MULTI_QUEUE: 0x0100,
  PERSIST: 0x0800,
  NO_PI: 0x1000,
  VNET_HDR: 0x4000,
} as const;
/** Flag of struct net_device, uapi/linux/if.h. */
export const IFF_UP = 1;
const NO_CARRIER = 2; // __LINK_STATE_NOCARRIER, bit of net_device.state
const ATTEMPTS = 3;
/** ptr_ring zeroes slots in groups of 16 (two cache lines of pointers). */
const MOST_LAG = 15;

export class Walker {
  readonly #object: BpfObject;
  readonly #program: string;
  readonly #device: Layout<(typeof DEVICE_FIELDS)[number]>;
  readonly #queue: Layout<(typeof QUEUE_FIELDS)[number]>;
  readonly #result: Layout<(typeof RESULT_FIELDS)[number]>;
  readonly #flags: Readonly<
    Record<'DETACHED' | 'STOPPED' | 'HAS_QDISC' | 'BUSY' | 'TORN' | 'BACKEND' | 'ZEROCOPY', number>
  >;
  readonly #devices: MapView;
  readonly #queues: MapView;
  readonly #context: Uint8Array;
  readonly #generations: Generations;
  readonly #last: LastWalk<WalkedDevice>;
  readonly #bridgePorts: BridgePorts;
  readonly #backlogs: WalkedBacklogs;

  constructor(object: BpfObject, generations: Generations, program = 'walk_queues') {
    const btf = object.btf();
    this.#object = object;
    this.#generations = generations;
    this.#program = program;
    this.#device = layoutOf(btf, 'walked_device', DEVICE_FIELDS);
    this.#queue = layoutOf(btf, 'walked_queue', QUEUE_FIELDS);
    this.#result = layoutOf(btf, 'walk_result', RESULT_FIELDS);
    const flags = new Map(btf.enumValues('queue_flag')?.map(({ name, value }) => [name, value]));
    const flag = (name: string): number => flags.get(`QUEUE_${name}`) ?? 0;
    this.#flags = {
      DETACHED: flag('DETACHED'),
      STOPPED: flag('STOPPED'),
      HAS_QDISC: flag('HAS_QDISC'),
      BUSY: flag('BUSY'),
      TORN: flag('TORN'),
      BACKEND: flag('BACKEND'),
      ZEROCOPY: flag('ZEROCOPY'),
    };
    this.#devices = object.mapView('walked_devices');
    this.#queues = object.mapView('walked_queues');
    this.#context = new Uint8Array(this.#result.size);
    this.#bridgePorts = new BridgePorts(btf);
    this.#backlogs = new WalkedBacklogs(btf);
    this.#last = new LastWalk(this.#devices, this.#queues, { device: this.#device, queue: this.#queue });
  }

  /** Walks; again, up to three times, when the lists changed under it. A device that did not change is the object of the walk before. */
  walk(attached: Attached = { stops: false, consumed: false, departures: false, exits: false }): Walk {
    let result = this.#run(attached);
    if (result.ports > 0 && this.#bridgePorts.learn()) result = this.#run(attached);
    for (let attempt = 1; attempt < ATTEMPTS && !result.complete; attempt++) result = this.#run(attached);
    return {
      devices: this.#last.update(result.tuns, (index) => this.#readDevice(index)),
      complete: result.complete,
    };
  }

  #run({ stops, consumed, departures, exits }: Attached): { tuns: number; ports: number; complete: boolean } {
    const view = new DataView(this.#context.buffer);
    const say = (field: (typeof RESULT_FIELDS)[number], is: boolean): void =>
      view.setUint32(this.#result.at[field], Number(is), true);
    say('flow_watched', stops);
    say('consumer_seen', consumed);
    say('departures_seen', departures);
    say('exit_hooked', exits);
    this.#bridgePorts.request(view, this.#result.at.bridge_layout);
    this.#object.testRun(this.#program, this.#context);
    const field = (name: (typeof RESULT_FIELDS)[number]): number => view.getUint32(this.#result.at[name], true);
    const complete = field('derailed') === 0 && field('left_out') === 0 && field('list_heads') === 1;
    return { tuns: field('tuns'), ports: field('ports'), complete };
  }

  #readDevice(index: number): WalkedDevice {
    const { at, size } = this.#device;
    const base = index * size;
    const view = this.#devices;
    const first = view.u32(base + at.first_queue);
    this.#generations.changed(view.bigint(base + at.device_id));
    return {
      kind: KINDS[view.u32(base + at.kind)] ?? 'tun',
      id: view.bigint(base + at.device_id),
      address: view.bigint(base + at.device),
      netns: view.u32(base + at.netns),
      name: view.text(base + at.name, NAME_BYTES),
      ifindex: view.u32(base + at.ifindex),
      qdisc: view.text(base + at.qdisc, NAME_BYTES),
      backlog: this.#backlogs.read(view, base),
      tunFlags: view.u32(base + at.tun_flags),
      deviceFlags: view.u32(base + at.device_flags),
      carrier: ((view.u64(base + at.state) >> NO_CARRIER) & 1) === 0,
      queueLength: view.u32(base + at.queue_length),
      carrierUps: view.u32(base + at.carrier_ups),
      queueChanges: counted(view.bigint(base + at.queue_changes)),
      conntrackDropped: counted(view.bigint(base + at.conntrack_dropped)),
      detachedQueues: view.u32(base + at.detached),
      queues: Array.from({ length: view.u32(base + at.queues_written) }, (_, i) => this.#readQueue(first + i)),
      counters: countersOf((field) => view.u64(base + at[field])),
      frameErrors: view.u64(base + at.rx_frame_errors),
      xdp: { native: view.u32(base + at.xdp_program), generic: view.u32(base + at.xdp_generic) },
      bridgePort: this.#bridgePorts.read(view, base),
    };
  }

  #readQueue(index: number): WalkedQueue {
    const { at, size } = this.#queue;
    const base = index * size;
    const view = this.#queues;
    const flags = view.u32(base + at.flags);
    const reader = view.u32(base + at.reader);
    return {
      index: view.u32(base + at.queue),
      tunFile: view.bigint(base + at.tun_file),
      file: view.bigint(base + at.file),
      detached: (flags & this.#flags.DETACHED) !== 0,
      stopped: (flags & this.#flags.STOPPED) !== 0,
      hasQdisc: (flags & this.#flags.HAS_QDISC) !== 0,
      unsteady: (flags & (this.#flags.BUSY | this.#flags.TORN)) !== 0,
      capacity: view.s32(base + at.size),
      occupancy: view.u32(base + at.used),
      // Read one after the other without a lock: the difference may be of two moments.
      lag: Math.min(Math.max(0, view.s32(base + at.consumer_head) - view.s32(base + at.consumer_tail)), MOST_LAG),
      consumerHead: view.s32(base + at.consumer_head),
      takenSince: view.u32(base + at.taken_since),
      reader: reader === 0 ? undefined : reader - 1,
      backend: (flags & this.#flags.BACKEND) === 0 ? undefined : this.#readBackend(base, flags),
    };
  }

  #readBackend(base: number, flags: number): WalkedBackend {
    const { at } = this.#queue;
    const zeroCopy = (flags & this.#flags.ZEROCOPY) !== 0;
    return {
      held: this.#queues.u32(base + at.held),
      outstanding: zeroCopy ? this.#queues.u32(base + at.outstanding) : undefined,
      worker: this.#readWorker(base),
    };
  }

  #readWorker(base: number): Worker | undefined {
    const { at } = this.#queue;
    const tid = this.#queues.u32(base + at.worker);
    if (tid === 0) return undefined;
    return {
      tid,
      comm: this.#queues.text(base + at.worker_comm, NAME_BYTES),
      cpu: this.#queues.u32(base + at.worker_cpu),
      seconds: this.#queues.u64(base + at.worker_ns) / 1e9,
    };
  }
}

export function countersOf(u64: (field: (typeof COUNTER_FIELDS)[number]) => number): DeviceCounters {
  return {
    txPackets: u64('tx_packets'),
    txBytes: u64('tx_bytes'),
    txDropped: u64('tx_dropped'),
    rxPackets: u64('rx_packets'),
    rxBytes: u64('rx_bytes'),
    rxDropped: u64('rx_dropped'),
  };
}

// SPDX-License-Identifier: Apache-2.0
// Devices that were deleted: the kernel's last counters of each, which no walk sees, and sums over all of them, for their number has no bound.
import { HashEntries } from '../engine/hash-entries.ts';
import { type ProbeEvent, WALK } from '../engine/mechanism.ts';
import type { Subject } from '../engine/subject.ts';
import { always, untraceable } from '../engine/unavailable.ts';
import { COUNTER_FIELDS, countersOf } from '../engine/walk.ts';
import { Globals } from '../kernel/globals.ts';
import { type Layout, layoutOf } from '../kernel/layout.ts';
import { cString } from '../kernel/map-view.ts';
import type { BpfObject } from '../kernel/native.ts';
import type { Ended } from '../snapshot/deleted-devices.ts';
import type { DeviceCounters } from '../snapshot/device.ts';
import { counter, counters, series } from '../snapshot/metric.ts';
import type { AgentState } from '../snapshot/snapshot.ts';

const EVENTS: readonly ProbeEvent[] = [
  {
    name: 'last-counters',
    measures: 'the kernel’s own counters of each device as it ends, its name, and the process that had it',
    besideAccounts: true,
    alike: true,
    mechanisms: [
      {
        name: 'fentry',
        provides: ['last-counters'],
        programs: ['last_counters_fentry'],
        pins: true,
        needs: WALK,
        tradeoff: undefined,
        unavailable: (host) => untraceable(host, 'tun_net_uninit', 1),
      },
      {
        name: 'raw-tracepoint',
        provides: ['last-counters'],
        programs: ['last_counters_raw'],
        needs: WALK,
        tradeoff: 'as exact; a device that was never set up, and that no look saw, is not counted as ended',
        unavailable: always,
      },
      {
        name: 'none',
        programs: [],
        needs: [],
        tradeoff:
          'of devices that end, what our own programs counted; their last second is not in the kernel’s counters',
        unavailable: always,
      },
    ],
  },
];

const FIELDS = [
  'ended_ns',
  'netns',
  'ifindex',
  'name',
  'tun_flags',
  'device_flags',
  'queue_length',
  'waiting',
  ...COUNTER_FIELDS,
  'rx_frame_errors',
  'started',
  'pid',
  'comm',
  'cgroup',
] as const;

type Field = (typeof FIELDS)[number];

const NAME_BYTES = 16;

const CGROUP_BYTES = 96;

/** The process that closed the last queue of a device, or waited for its packets. */
export interface LastOwner {
  readonly pid: number;
  readonly comm: string;
  /** ns since boot. */
  readonly started: bigint;
  /** The last name of its cgroup's path. */
  readonly cgroup: string;
}

export interface LastCounters {
  /** ns, of the clock that hrtime() has. */
  readonly endedNs: bigint;
  readonly netns: number;
  readonly ifindex: number;
  readonly name: string;
  readonly tunFlags: number;
  readonly deviceFlags: number;
  readonly queueLength: number;
  /** Packets that a reader may yet have taken before the rest was purged. */
  readonly waiting: number;
  readonly counters: DeviceCounters;
  readonly frameErrors: number;
  readonly owner: LastOwner | undefined;
}

export class LastCountersTable {
  readonly #object: BpfObject;
  readonly #entries: HashEntries;
  readonly #layout: Layout<Field>;
  readonly #variables: Globals<'ended_noted'>;
  #noted = 0;

  constructor(object: BpfObject) {
    const btf = object.btf();
    this.#object = object;
    this.#entries = new HashEntries(object, 'ended_devices');
    this.#layout = layoutOf(btf, 'ended_device', FIELDS);
    this.#variables = new Globals(object, ['ended_noted']);
  }

  /** The devices that have ended since the last call, by kernfs node id. */
  take(): ReadonlyMap<bigint, LastCounters> {
    const noted = this.#variables.u64('ended_noted');
    const taken = new Map<bigint, LastCounters>();
    if (noted === this.#noted) return taken;
    this.#noted = noted;
    for (const { key, value } of this.#entries.read()) {
      // Its last field is yet to be written: ended_noted will grow.
      if (value.getBigUint64(this.#layout.at.ended_ns, true) === 0n) continue;
      taken.set(key.getBigUint64(0, true), this.#read(value));
    }
    for (const id of taken.keys()) this.#object.remove('ended_devices', new Uint8Array(BigUint64Array.of(id).buffer));
    return taken;
  }

  #read(value: DataView): LastCounters {
    const { at } = this.#layout;
    const u32 = (field: Field): number => value.getUint32(at[field], true);
    const u64 = (field: Field): number => Number(value.getBigUint64(at[field], true));
    const pid = u32('pid');
    return {
      endedNs: value.getBigUint64(at.ended_ns, true),
      netns: u32('netns'),
      ifindex: u32('ifindex'),
      name: text(value, at.name, NAME_BYTES),
      tunFlags: u32('tun_flags'),
      deviceFlags: u32('device_flags'),
      queueLength: u32('queue_length'),
      waiting: u32('waiting'),
      counters: countersOf(u64),
      frameErrors: u64('rx_frame_errors'),
      owner:
        pid === 0
          ? undefined
          : {
              pid,
              comm: text(value, at.comm, NAME_BYTES),
              started: value.getBigUint64(at.started, true),
              cgroup: text(value, at.cgroup, CGROUP_BYTES),
            },
    };
  }
}

function text(value: DataView, from: number, length: number): string {
  return cString(new Uint8Array(value.buffer, value.byteOffset + from, length));
}

const both = (of: (ended: Ended) => number | undefined) => (agent: AgentState) => agent.ended && of(agent.ended);

export const deletedDevices: Subject = {
  name: 'deleted-devices',
  events: EVENTS,
  symbols: ['tun_net_uninit'],
  metrics: {
    agent: [
      counters(
        'tapscope_ended_devices_total',
        'Devices (tun, tap) that have ended. seen=false: no look at the host saw the device, which lived for less than a second or two (tun_net_uninit, else tracepoint qdisc:qdisc_destroy). Some seconds pass until a device counts here; its own series have gone by then.',
        ['seen'],
        ({ ended }) => (ended ? [series(ended.seen, 'true'), series(ended.unseen, 'false')] : []),
      ),
      counter(
        'tapscope_ended_inexact_devices_total',
        'Devices that have ended and whose figures here are not exact: packets that found no row of counters or are not accounted for, or an end that no program saw.',
        both(({ inexact }) => inexact),
      ),
      counter(
        'tapscope_ended_offered_packets_total',
        'Packets towards guests or readers that were offered to devices that have ended, in their whole life under watch (tun_net_xmit).',
        both(({ counts }) => counts.offered),
      ),
      counter(
        'tapscope_ended_delivered_packets_total',
        'Packets delivered to guests or readers of devices that have ended, by the kernel (tx_packets, read as the device ends).',
        both(({ counts }) => counts.delivered),
      ),
      counters(
        'tapscope_ended_dropped_packets_total',
        'Packets towards guests or readers that tun dropped on devices that have ended, by kernel drop reason (tun_net_xmit).',
        ['reason'],
        ({ ended }) => (ended?.counts.dropped ?? []).map(({ reason, packets }) => series(packets, reason)),
      ),
      counters(
        'tapscope_ended_other_dropped_packets_total',
        'Packets towards devices that have ended that were lost before tun (qdisc, bridge, no reader), by kernel drop reason and function (tracepoint skb:kfree_skb).',
        ['reason', 'location'],
        ({ ended }) =>
          (ended?.counts.droppedBefore ?? []).map(({ reason, location, packets }) => series(packets, reason, location)),
      ),
      counters(
        'tapscope_ended_uncounted_lost_packets_total',
        'Packets lost on devices that have ended that no counter of the kernel showed, by cause: as tapscope_uncounted_lost_packets_total. purged: they waited in the ring as the queue was closed (tun_queue_purge).',
        ['cause'],
        ({ ended }) => (ended?.counts.uncounted ?? []).map(({ cause, packets }) => series(packets, cause)),
      ),
      counter(
        'tapscope_ended_receive_packets_total',
        'Packets from guests or writers that devices that have ended passed on to the host, by the kernel (rx_packets, read as the device ends).',
        both(({ counts }) => counts.received),
      ),
      counters(
        'tapscope_ended_receive_dropped_packets_total',
        'Packets from guests or writers that tun freed on devices that have ended, by kernel drop reason and function (tracepoint skb:kfree_skb).',
        ['reason', 'location'],
        ({ ended }) =>
          (ended?.counts.receiveDropped ?? []).map(({ reason, location, packets }) =>
            series(packets, reason, location),
          ),
      ),
      counters(
        'tapscope_ended_refused_writes_total',
        'Writes from guests or writers that failed on devices that have ended, by errno (tun_chr_write_iter, tun_sendmsg).',
        ['errno'],
        ({ ended }) => (ended?.counts.refused ?? []).map(({ errno, writes }) => series(writes, errno)),
      ),
      counter(
        'tapscope_ended_unaccounted_packets_total',
        'Packets by which the equations of devices that have ended do not add up. 0: what became of every packet is known.',
        both(({ counts }) => counts.unaccounted),
      ),
    ],
  },
};

// SPDX-License-Identifier: Apache-2.0
// What a program noted of devices as they ended. An entry is taken out as it is read.
import { HashEntries } from '../../engine/hash-entries.ts';
import { COUNTER_FIELDS, countersOf } from '../../engine/walk.ts';
import { type Layout, layoutOf } from '../../kernel/layout.ts';
import { cString, type MapView } from '../../kernel/map-view.ts';
import type { BpfObject } from '../../kernel/native.ts';
import type { DeviceCounters } from '../../snapshot/device.ts';

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
  readonly #variables: MapView;
  readonly #notedAt: number;
  #noted = 0;

  constructor(object: BpfObject) {
    const btf = object.btf();
    this.#object = object;
    this.#entries = new HashEntries(object, 'ended_devices');
    this.#layout = layoutOf(btf, 'ended_device', FIELDS);
    this.#variables = object.mapView('.bss');
    this.#notedAt = btf.variables('.bss').find(({ name }) => name === 'ended_noted')?.offset ?? 0;
  }

  /** The devices that have ended since the last call, by kernfs node id. */
  take(): ReadonlyMap<bigint, LastCounters> {
    const noted = this.#variables.u64(this.#notedAt);
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

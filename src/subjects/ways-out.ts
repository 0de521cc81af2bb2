// SPDX-License-Identifier: Apache-2.0
// By which devices the host sends on what came in by a tun or tap, and what is lost behind them, counted while a person asks (bpf/ways.bpf.c).
import type { AskedObject } from '../engine/asked-programs.ts';
import { HashEntries } from '../engine/hash-entries.ts';
import { bytes32 } from '../engine/open-object.ts';
import { mayHaveDriver } from '../kernel/drivers.ts';
import { Globals } from '../kernel/globals.ts';
import { layoutOf } from '../kernel/layout.ts';
import { MapView } from '../kernel/map-view.ts';

interface FollowedDevice {
  readonly netns: number;
  readonly ifindex: number;
}

export interface SeenWay {
  readonly netns: number;
  /** ifindex of the tun or tap. */
  readonly from: number;
  /** The device that they left by; empty: copies left by several. */
  readonly to: string;
  /** Its ifindex. */
  readonly toIndex: number;
  readonly ports: number;
  readonly packets: number;
}

/** What was lost where the kernel no longer knows by which device it came: behind a veth, a netkit or a tunnel. */
export interface SeenBeyond {
  readonly netns: number;
  /** ifindex of the tun or tap. */
  readonly from: number;
  /** ifindex of the device by which it left there. */
  readonly first: number;
  /** The namespace where it was lost. */
  readonly lostIn: number;
  readonly reason: number;
  /** They were for another MAC address, and whether somebody else got a copy is not known. */
  readonly mayBeCopy: boolean;
  readonly address: bigint;
  readonly packets: number;
}

/** Waits in front of a device where the kernel no longer knows by which device the packets came. */
export interface SeenWait {
  readonly netns: number;
  /** ifindex of the tun or tap. */
  readonly from: number;
  /** ifindex of the device by which they left there. */
  readonly first: number;
  /** The namespace of the device in front of which they waited. */
  readonly waitedIn: number;
  readonly device: string;
  /** That have left it. */
  readonly packets: number;
  readonly nanoseconds: number;
}

/** How often the guest asked for the MAC address of another, and the answers that were sent to it. */
export interface SeenQuestion {
  readonly netns: number;
  /** ifindex of the tun or tap. */
  readonly from: number;
  /** 4 or 16 bytes. */
  readonly address: Uint8Array;
  readonly asked: number;
  readonly answered: number;
}

/** Drivers of the devices of crossing_of() in bpf/crossing.bpf.h: without them nothing waits where the kernel does not know whose it is. */
const CROSSING = [
  ...['veth', 'netkit', 'vxlan', 'geneve', 'bareudp'],
  ...['ip_gre', 'ip6_gre', 'ipip', 'sit', 'ip6_tunnel'],
];
const KEY_FIELDS = ['netns', 'from', 'to', 'ports'] as const;
const WAIT_KEY_FIELDS = ['by', 'first', 'netns'] as const;
const WAIT_FIELDS = ['packets', 'nanoseconds', 'name'] as const;
const BEYOND_FIELDS = ['location', 'by', 'first', 'netns', 'reason', 'may_be_copy'] as const;
/** IFNAMSIZ */
const NAME_BYTES = 16;
/** Of IPv6. */
const ADDRESS_BYTES = 16;

export class WaysOut {
  readonly #asked: AskedObject;
  readonly #globals: Globals<'has_marks' | 'way_count'>;
  readonly #ways: MapView;
  readonly #lostBeyond: HashEntries;
  readonly #key;
  readonly #waits: HashEntries;
  readonly #questions: HashEntries;
  readonly #questionKey;
  readonly #question;
  readonly #beyond;
  readonly #waitKey;
  readonly #wait;
  readonly #value;
  readonly #device;
  /** By what the map has of them. */
  readonly #followed = new Map<string, FollowedDevice & { readonly id: bigint }>();

  /** Counts when it returns. */
  constructor(asked: AskedObject) {
    const { object } = asked;
    const btf = object.btf();
    this.#asked = asked;
    this.#globals = new Globals(object, ['has_marks', 'way_count']);
    this.#key = layoutOf(btf, 'way_key', KEY_FIELDS);
    this.#value = layoutOf(btf, 'way', ['key', 'packets', 'name']);
    this.#device = layoutOf(btf, 'came_in_by', ['netns', 'ifindex']);
    this.#beyond = layoutOf(btf, 'beyond_key', BEYOND_FIELDS);
    this.#waitKey = layoutOf(btf, 'wait_key', WAIT_KEY_FIELDS);
    this.#wait = layoutOf(btf, 'wait', WAIT_FIELDS);
    this.#questionKey = layoutOf(btf, 'question_key', ['by', 'address']);
    this.#question = layoutOf(btf, 'question_counts', ['asked', 'answered']);
    this.#ways = object.mapView('ways');
    this.#lostBeyond = new HashEntries(object, 'lost_beyond');
    this.#waits = new HashEntries(object, 'waits_beyond');
    this.#questions = new HashEntries(object, 'questions');
  }

  /** From now on these, and no others. Both numbers repeat: what is counted of one begins anew where its id is another. */
  follow(devices: ReadonlyMap<bigint, FollowedDevice>): void {
    const wanted = new Map([...devices].map(([id, one]) => [keyOf(one.netns, one.ifindex), { id, ...one }]));
    const isNew = (name: string): boolean => wanted.has(name) && this.#followed.get(name)?.id !== wanted.get(name)?.id;
    if ([...wanted.keys()].some(isNew)) this.#forget(isNew);
    for (const [name, one] of this.#followed)
      if (!wanted.has(name)) {
        this.#asked.roles.take(one, 'asked');
        this.#followed.delete(name);
      }
    for (const [name, one] of wanted) {
      this.#asked.roles.give(one, 'asked');
      this.#followed.set(name, one);
    }
    if (!this.#asked.isAttached('waited_beyond') && (this.#globals.u64('has_marks') !== 0 || mayHaveDriver(CROSSING)))
      this.#asked.attach('waited_beyond');
  }

  /** Whether what is counted of these numbers is the device's own. */
  follows(id: bigint, { netns, ifindex }: FollowedDevice): boolean {
    return this.#followed.get(keyOf(netns, ifindex))?.id === id;
  }

  #forget(isUnwanted: (name: string) => boolean): void {
    for (const row of this.#rows())
      if (isUnwanted(keyOf(row.netns, row.from))) {
        this.#asked.object.remove('way_rows', this.#wayKey(row));
        this.#asked.object.update('ways', bytes32(row.row), new Uint8Array(this.#value.size));
      }
    const remove = (entries: HashEntries, netns: number, ifindex: number): void =>
      entries.removeWhere((key) => isUnwanted(keyOf(key.getUint32(netns, true), key.getUint32(ifindex, true))));
    for (const [entries, by] of [
      [this.#lostBeyond, this.#beyond.at.by],
      [this.#waits, this.#waitKey.at.by],
      [this.#questions, this.#questionKey.at.by],
    ] as const)
      remove(entries, by + this.#device.at.netns, by + this.#device.at.ifindex);
  }

  read(): readonly SeenWay[] {
    return this.#rows();
  }

  /** Those that are someone's. */
  #rows(): readonly (SeenWay & { readonly row: number })[] {
    const { at, size } = this.#value;
    const key = this.#key.at;
    const count = Math.min(this.#globals.u32('way_count'), Math.floor(this.#ways.byteLength / size));
    return Array.from({ length: count }, (_, row) => {
      const begin = row * size;
      return {
        row,
        netns: this.#ways.u32(begin + at.key + key.netns),
        from: this.#ways.u32(begin + at.key + key.from),
        to: this.#ways.text(begin + at.name, NAME_BYTES),
        toIndex: this.#ways.u32(begin + at.key + key.to),
        ports: this.#ways.u32(begin + at.key + key.ports),
        packets: this.#ways.u64(begin + at.packets),
      };
    }).filter(({ from }) => from !== 0);
  }

  #wayKey({ netns, from, toIndex, ports }: SeenWay): Uint8Array {
    const { at, size } = this.#key;
    const key = new Uint8Array(size);
    const view = new DataView(key.buffer);
    for (const [place, number] of [
      [at.netns, netns],
      [at.from, from],
      [at.to, toIndex],
      [at.ports, ports],
    ] as const)
      view.setUint32(place, number, true);
    return key;
  }

  readBeyond(): readonly SeenBeyond[] {
    const [at, device] = [this.#beyond.at, this.#device.at];
    return this.#lostBeyond.read().map(({ key, value }) => ({
      netns: key.getUint32(at.by + device.netns, true),
      from: key.getUint32(at.by + device.ifindex, true),
      first: key.getUint32(at.first, true),
      lostIn: key.getUint32(at.netns, true),
      reason: key.getUint32(at.reason, true),
      mayBeCopy: key.getUint32(at.may_be_copy, true) !== 0,
      address: key.getBigUint64(at.location, true),
      packets: Number(value.getBigUint64(0, true)),
    }));
  }

  readWaits(): readonly SeenWait[] {
    const [at, device, wait] = [this.#waitKey.at, this.#device.at, this.#wait.at];
    return this.#waits.read().map(({ key, value }) => ({
      netns: key.getUint32(at.by + device.netns, true),
      from: key.getUint32(at.by + device.ifindex, true),
      first: key.getUint32(at.first, true),
      waitedIn: key.getUint32(at.netns, true),
      device: textAt(value, wait.name),
      packets: Number(value.getBigUint64(wait.packets, true)),
      nanoseconds: Number(value.getBigUint64(wait.nanoseconds, true)),
    }));
  }

  readQuestions(): readonly SeenQuestion[] {
    const [at, device, counts] = [this.#questionKey.at, this.#device.at, this.#question.at];
    return this.#questions.read().map(({ key, value }) => ({
      netns: key.getUint32(at.by + device.netns, true),
      from: key.getUint32(at.by + device.ifindex, true),
      address: unmapped(new Uint8Array(key.buffer, key.byteOffset + at.address, ADDRESS_BYTES).slice()),
      asked: Number(value.getBigUint64(counts.asked, true)),
      answered: Number(value.getBigUint64(counts.answered, true)),
    }));
  }

  close(): void {
    this.#asked.leave();
  }
}

function keyOf(netns: number, ifindex: number): string {
  return `${netns} ${ifindex}`;
}

/** Of ::ffff:a.b.c.d the last four bytes. */
function unmapped(address: Uint8Array): Uint8Array {
  const isIpv4 = address.subarray(0, 12).every((byte, i) => byte === (i < 10 ? 0 : 0xff));
  return isIpv4 ? address.subarray(12) : address;
}

/** A C string of at most NAME_BYTES. */
function textAt({ buffer, byteOffset }: DataView, at: number): string {
  const name = new Uint8Array(buffer, byteOffset + at, NAME_BYTES).slice();
  return new MapView(name.buffer).text(0, NAME_BYTES);
}

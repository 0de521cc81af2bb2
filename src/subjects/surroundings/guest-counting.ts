// SPDX-License-Identifier: Apache-2.0
// Packets for guests, by their address, and of asked devices, that end where no counter has them: the programs of bpf/for-guests.bpf.h and bpf/taken-by-tc.bpf.h.
import { isDeepStrictEqual } from 'node:util';
import type { AskedObject } from '../../engine/asked-programs.ts';
import { HashEntries } from '../../engine/hash-entries.ts';
import { bytes32, bytes64 } from '../../engine/open-object.ts';
import { layoutOf } from '../../kernel/layout.ts';
import type { GuestKeys } from './guest-keys.ts';
import type { GuestNetwork } from './guest-networks.ts';

/** What tc took, without a drop. */
export interface TakenPackets {
  readonly netns: number;
  /** ifindex of the asked device, or what stands for its bridge (guest-keys.ts). */
  readonly device: number;
  /** ifindex of the device where they ended. */
  readonly at: number;
  readonly hook: 'ingress' | 'egress';
  readonly way: 'to' | 'from';
  /** Since the question was asked. */
  readonly packets: number;
}

/** What is to be counted in a namespace. */
export interface Expected {
  readonly keys: GuestKeys;
  /** A tc program or action there may take packets. */
  readonly hasTcEnds: boolean;
  /** ifindices of devices with a native XDP program. */
  readonly withXdp: readonly number[];
}

const LOSS_FIELDS = ['location', 'netns', 'to', 'at', 'reason'] as const;
const TAKEN_FIELDS = ['location', 'netns', 'device', 'at', 'is_from'] as const;
/** Behind the last bytes of MAC addresses, as in bpf/for-guests.bpf.h. */
const [A_NETWORK, ANYTHING] = [256, 257];
const NETNS_BITS = 32;
/** Of a namespace. */
const MOST_WITH_XDP = 64;

interface Entry {
  readonly key: Uint8Array;
  readonly value: Uint8Array;
}

interface Located {
  readonly netns: number;
  readonly at: number;
  readonly address: bigint;
  readonly packets: number;
}

/** Attached from the first on; `taken` and `passed` only where there is something to count. */
export class GuestCounting {
  readonly #asked: AskedObject;
  readonly #losses: HashEntries;
  readonly #takes: HashEntries;
  readonly #passes: HashEntries;
  readonly #loss;
  readonly #taken;
  readonly #device;
  readonly #mac;
  readonly #network;
  readonly #noted = new Set<number>();
  /** What the maps have, by map and namespace, and by a text of the key. */
  readonly #known = new Map<string, ReadonlyMap<string, Entry>>();

  constructor(asked: AskedObject) {
    const { object } = asked;
    const btf = object.btf();
    this.#asked = asked;
    this.#loss = layoutOf(btf, 'guest_loss_key', LOSS_FIELDS);
    this.#taken = layoutOf(btf, 'taken_key', TAKEN_FIELDS);
    this.#device = layoutOf(btf, 'came_in_by', ['netns', 'ifindex']);
    this.#mac = layoutOf(btf, 'guest_mac', ['netns', 'address']);
    this.#network = layoutOf(btf, 'guest_network', ['bits', 'netns', 'address']);
    this.#losses = new HashEntries(object, 'lost_for_guests');
    this.#takes = new HashEntries(object, 'taken_packets');
    this.#passes = new HashEntries(object, 'passed_frames');
  }

  expect(netns: number, { keys: { macs, networks }, hasTcEnds, withXdp }: Expected): void {
    const entry = (key: Uint8Array, ifindex: number): Entry => ({ key, value: bytes32(ifindex) });
    for (const { mac } of macs) this.#note(Number.parseInt(mac.slice(-2), 16));
    if (networks.length > 0) this.#note(A_NETWORK);
    if (macs.length + networks.length > 0) this.#note(ANYTHING);
    this.#replace(
      'guest_macs',
      netns,
      macs.map(({ mac, ifindex }) => entry(this.#macKey(netns, mac), ifindex)),
    );
    this.#replace(
      'guest_networks',
      netns,
      networks.map(({ ifindex, ...network }) => entry(this.#networkKey(netns, network), ifindex)),
    );
    const passing = withXdp
      .slice(0, MOST_WITH_XDP)
      .map((ifindex) => ({ key: this.#deviceKey(netns, ifindex), value: bytes64(0n) }));
    this.#replace('passed_frames', netns, passing);
    if (hasTcEnds) this.#asked.attach('taken');
    if (withXdp.length > 0) this.#asked.attach('passed');
  }

  /** In known_guests of bpf/for-guests.bpf.h. */
  #note(place: number): void {
    if (this.#noted.has(place)) return;
    this.#noted.add(place);
    this.#asked.object.update('known_guests', bytes32(place), bytes32(1));
  }

  #replace(map: string, netns: number, entries: readonly Entry[]): void {
    const known = this.#known.get(`${map} ${netns}`) ?? new Map<string, Entry>();
    const wanted = new Map(entries.map((entry) => [Buffer.from(entry.key).toString('hex'), entry]));
    for (const [text, { key }] of known) if (!wanted.has(text)) this.#asked.object.remove(map, key);
    for (const [text, entry] of wanted)
      if (!isDeepStrictEqual(known.get(text), entry)) this.#asked.object.update(map, entry.key, entry.value);
    this.#known.set(`${map} ${netns}`, wanted);
  }

  #macKey(netns: number, mac: string): Uint8Array {
    const { at, size } = this.#mac;
    const key = new Uint8Array(size);
    new DataView(key.buffer).setUint32(at.netns, netns, true);
    key.set(Buffer.from(mac.replaceAll(':', ''), 'hex'), at.address);
    return key;
  }

  #networkKey(netns: number, { network, bits }: Omit<GuestNetwork, 'ifindex'>): Uint8Array {
    const { at, size } = this.#network;
    const key = new Uint8Array(size);
    const view = new DataView(key.buffer);
    view.setUint32(at.bits, NETNS_BITS + bits, true);
    view.setUint32(at.netns, netns, true);
    key.set(network, at.address);
    return key;
  }

  #deviceKey(netns: number, ifindex: number): Uint8Array {
    const { at, size } = this.#device;
    const key = new Uint8Array(size);
    const view = new DataView(key.buffer);
    view.setUint32(at.netns, netns, true);
    view.setUint32(at.ifindex, ifindex, true);
    return key;
  }

  readLosses(): readonly (Located & { readonly to: number; readonly reason: number })[] {
    const { at } = this.#loss;
    return this.#losses.read().map(({ key, value }) => ({
      netns: key.getUint32(at.netns, true),
      to: key.getUint32(at.to, true),
      at: key.getUint32(at.at, true),
      reason: key.getUint32(at.reason, true),
      address: key.getBigUint64(at.location, true),
      packets: Number(value.getBigUint64(0, true)),
    }));
  }

  /** What tc takes is counted, or cannot be here. */
  get knowsTaken(): boolean {
    return this.#asked.isAttached('taken') || this.#asked.isRefused('taken');
  }

  /** undefined: they are not counted. */
  readTaken(): readonly (Located & Pick<TakenPackets, 'device' | 'way'>)[] | undefined {
    if (!this.#asked.isAttached('taken')) return undefined;
    const { at } = this.#taken;
    return this.#takes.read().map(({ key, value }) => ({
      netns: key.getUint32(at.netns, true),
      device: key.getUint32(at.device, true),
      at: key.getUint32(at.at, true),
      way: key.getUint32(at.is_from, true) === 0 ? 'to' : 'from',
      address: key.getBigUint64(at.location, true),
      packets: Number(value.getBigUint64(0, true)),
    }));
  }

  readPassed(): readonly { readonly netns: number; readonly ifindex: number; readonly frames: number }[] {
    if (!this.#asked.isAttached('passed')) return [];
    const { at } = this.#device;
    return this.#passes.read().map(({ key, value }) => ({
      netns: key.getUint32(at.netns, true),
      ifindex: key.getUint32(at.ifindex, true),
      frames: Number(value.getBigUint64(0, true)),
    }));
  }

  close(): void {
    this.#asked.leave();
  }
}

// SPDX-License-Identifier: Apache-2.0
// Packets for guests that the host freed where nothing but their address says so, counted while a person asks (bpf/for-guests.bpf.h).
import { isDeepStrictEqual } from 'node:util';
import { HashEntries } from '../../engine/hash-entries.ts';
import { bytes32, openQuestion } from '../../engine/open-object.ts';
import { Places } from '../../engine/places.ts';
import type { Parts } from '../../engine/subject.ts';
import { isLoss, NO_REASON, type SilentReasons, silentReasons } from '../../engine/unnamed-losses.ts';
import { errnoOf } from '../../kernel/error-name.ts';
import { layoutOf } from '../../kernel/layout.ts';
import type { BpfLink, BpfObject } from '../../kernel/native.ts';
import type { GuestKeys } from './guest-keys.ts';
import type { GuestNetwork } from './guest-networks.ts';

export interface GuestLoss {
  readonly netns: number;
  /** ifindex of the guest's device, or what stands for its bridge (guest-keys.ts). */
  readonly to: number;
  /** ifindex of the device where they were freed. */
  readonly at: number;
  readonly reason: string;
  readonly location: string;
  readonly packets: number;
}

export type NeededParts = Pick<Parts, 'question' | 'programs'> & { readonly probes: Pick<Parts['probes'], 'symbols'> };

export class LostForGuests {
  readonly #parts: NeededParts;
  readonly #places: Places<number>;
  #counting: Counting | undefined;
  /** Why the kernel refuses to count. */
  refused: string | undefined;

  constructor(parts: NeededParts) {
    this.#parts = parts;
    this.#places = new Places(parts.probes.symbols);
  }

  /** From now on these addresses of the namespace, and no others. */
  expect(netns: number, keys: GuestKeys): void {
    const { programs, question } = this.#parts;
    if (this.refused !== undefined || !question.isOpen) return;
    try {
      this.#counting ??= new Counting(
        silentReasons(programs.reasons),
        programs.reasons.number('OTHERHOST') ?? NO_REASON,
        programs.typedReads,
      );
      this.#counting.expect(netns, keys);
    } catch (error) {
      const errno = errnoOf(error);
      if (errno === undefined) throw error;
      this.close();
      this.refused = errno;
    }
  }

  /** Since the question was asked. */
  read(): readonly GuestLoss[] {
    const all = this.#counting?.read() ?? [];
    this.#places.learn(all.map(({ address }) => address));
    return all
      .map(({ reason, address, ...more }) => ({
        ...more,
        ...this.#places.of(more.netns, this.#parts.programs.reasons.name(reason), address),
      }))
      .filter(isLoss);
  }

  close(): void {
    this.#counting?.close();
    this.#counting = undefined;
    this.refused = undefined;
  }
}

const PROGRAM = 'lost_for_guest';
const LOSS_FIELDS = ['location', 'netns', 'to', 'at', 'reason'] as const;
const NETNS_BITS = 32;

interface Entry {
  readonly key: Uint8Array;
  readonly ifindex: number;
}

/** The program, attached. */
class Counting {
  readonly #object: BpfObject;
  readonly #link: BpfLink;
  readonly #losses: HashEntries;
  readonly #loss;
  readonly #mac;
  readonly #network;
  /** What the maps have, by map and namespace, and by a text of the key. */
  readonly #known = new Map<string, ReadonlyMap<string, Entry>>();

  constructor({ unnamed, consumed }: SilentReasons, otherHost: number, typedReads: boolean) {
    this.#object = openQuestion('ways', typedReads);
    try {
      const btf = this.#object.btf();
      this.#loss = layoutOf(btf, 'guest_loss_key', LOSS_FIELDS);
      this.#mac = layoutOf(btf, 'guest_mac', ['netns', 'address']);
      this.#network = layoutOf(btf, 'guest_network', ['bits', 'netns', 'address']);
      for (const { name } of this.#object.programs) this.#object.setAutoload(name, name === PROGRAM);
      this.#object.setVariable('reason_not_specified', bytes32(unnamed));
      this.#object.setVariable('reason_consumed', bytes32(consumed));
      this.#object.setVariable('reason_otherhost', bytes32(otherHost));
      this.#object.load();
      this.#losses = new HashEntries(this.#object, 'lost_for_guests');
      this.#link = this.#object.attach(PROGRAM);
    } catch (error) {
      this.#object.close();
      throw error;
    }
  }

  expect(netns: number, { macs, networks }: GuestKeys): void {
    const addresses = macs.map(({ mac, ifindex }) => ({ key: this.#macKey(netns, mac), ifindex }));
    this.#replace('guest_macs', netns, addresses);
    const nets = networks.map(({ ifindex, ...network }) => ({ key: this.#networkKey(netns, network), ifindex }));
    this.#replace('guest_networks', netns, nets);
  }

  #replace(map: string, netns: number, entries: readonly Entry[]): void {
    const known = this.#known.get(`${map} ${netns}`) ?? new Map<string, Entry>();
    const wanted = new Map(entries.map((entry) => [Buffer.from(entry.key).toString('hex'), entry]));
    for (const [text, { key }] of known) if (!wanted.has(text)) this.#object.remove(map, key);
    for (const [text, entry] of wanted)
      if (!isDeepStrictEqual(known.get(text), entry)) this.#object.update(map, entry.key, bytes32(entry.ifindex));
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

  read(): readonly (Omit<GuestLoss, 'reason' | 'location'> & { readonly reason: number; readonly address: bigint })[] {
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

  close(): void {
    this.#link.detach();
    this.#object.close();
  }
}

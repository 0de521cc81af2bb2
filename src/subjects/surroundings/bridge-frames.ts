// SPDX-License-Identifier: Apache-2.0
// Frames that come to bridges, and to and from macvtaps, counted while a person asks (bpf/frames.bpf.h): by port, VLAN and address.
import type { AskedObject } from '../../engine/asked-programs.ts';
import { DeviceRoles, type Role } from '../../engine/device-roles.ts';
import { HashEntries } from '../../engine/hash-entries.ts';
import { bytes32, openQuestion } from '../../engine/open-object.ts';
import { layoutOf } from '../../kernel/layout.ts';
import type { BpfObject } from '../../kernel/native.ts';

export interface SeenFrames {
  readonly netns: number;
  /** ifindex of the port that they came in by; of the bridge or macvtap that sent them. */
  readonly port: number;
  readonly address: string;
  /** 0: no tag. */
  readonly vlan: number;
  /** The address is the sender's, of a guest; else it is where they go. */
  readonly isSender: boolean;
  readonly packets: number;
}

export interface WatchedPort {
  readonly netns: number;
  readonly ifindex: number;
  /**
   * guest: a device of ours, addresses that its guest sends from are noted. bridge: what the host itself sends by it. macvtap: what its guest
   * sends. below: the device below that, frames to and from guests.
   */
  readonly as: Exclude<Role, 'asked'>;
}

const PROGRAMS = ['frame_received', 'frame_sent'];
const KEY_FIELDS = ['netns', 'ifindex', 'destination', 'source', 'vlan', 'counts_to'] as const;
const ADDRESS_BYTES = 6;
/** enum counts_to */
const [TO_DESTINATION, TO_SENDER] = [1, 2];

interface Source {
  readonly object: BpfObject;
  readonly roles: DeviceRoles;
  readonly close: () => void;
}

/** Those of bridges. */
export function framesOf(asked: AskedObject): BridgeFrames {
  return new BridgeFrames({ object: asked.object, roles: asked.roles, close: () => asked.leave() });
}

/** Those of macvtaps: programs of their own, attached when it returns. Throws where the kernel refuses them. */
export function ownFrames(typedReads: boolean): BridgeFrames {
  const object = openQuestion('frames', typedReads);
  try {
    object.load();
    const links = PROGRAMS.map((program) => object.attach(program));
    const close = (): void => {
      for (const link of links) link.detach();
      object.close();
    };
    return new BridgeFrames({ object, roles: new DeviceRoles(object), close });
  } catch (error) {
    object.close();
    throw error;
  }
}

export class BridgeFrames {
  readonly #source: Source;
  readonly #frames: HashEntries;
  readonly #key;
  readonly #guest;
  /** By a text of it. */
  readonly #ports = new Map<string, WatchedPort>();
  readonly #guests = new Set<string>();

  constructor(source: Source) {
    const btf = source.object.btf();
    this.#source = source;
    this.#key = layoutOf(btf, 'frame_key', KEY_FIELDS);
    this.#guest = layoutOf(btf, 'guest_address', ['address']);
    this.#frames = new HashEntries(source.object, 'frames');
  }

  /** From now on these ports, and no others. */
  watch(ports: readonly WatchedPort[]): void {
    const wanted = new Map(ports.map((one) => [`${one.netns} ${one.ifindex} ${one.as}`, one]));
    for (const [name, one] of this.#ports)
      if (!wanted.has(name)) {
        this.#source.roles.take(one, one.as);
        this.#ports.delete(name);
      }
    for (const [name, one] of wanted) {
      this.#source.roles.give(one, one.as);
      this.#ports.set(name, one);
    }
  }

  /** Frames to these addresses count too, beside those to groups. */
  expect(addresses: Iterable<string>): void {
    for (const address of addresses) {
      if (this.#guests.has(address)) continue;
      this.#guests.add(address);
      const key = new Uint8Array(this.#guest.size);
      key.set(Buffer.from(address.replaceAll(':', ''), 'hex'), this.#guest.at.address);
      this.#source.object.update('guest_addresses', key, bytes32(1));
    }
  }

  read(): readonly SeenFrames[] {
    const { at } = this.#key;
    const sums = new Map<string, SeenFrames>();
    for (const { key, value } of this.#frames.read()) {
      const port = key.getUint32(at.ifindex, true);
      const shared = { netns: key.getUint32(at.netns, true), port, vlan: key.getUint16(at.vlan, true) };
      const countsTo = key.getUint16(at.counts_to, true);
      for (const isSender of [false, true]) {
        if ((countsTo & (isSender ? TO_SENDER : TO_DESTINATION)) === 0) continue;
        const address = addressAt(key, isSender ? at.source : at.destination);
        const name = `${shared.netns} ${port} ${shared.vlan} ${address} ${isSender}`;
        const packets = Number(value.getBigUint64(0, true)) + (sums.get(name)?.packets ?? 0);
        sums.set(name, { ...shared, address, isSender, packets });
      }
    }
    return [...sums.values()];
  }

  close(): void {
    this.#source.close();
  }
}

function addressAt(key: DataView, at: number): string {
  return Array.from({ length: ADDRESS_BYTES }, (_, i) =>
    key
      .getUint8(at + i)
      .toString(16)
      .padStart(2, '0'),
  ).join(':');
}

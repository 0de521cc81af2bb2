// SPDX-License-Identifier: Apache-2.0
// Frames that come to bridges, counted while a person asks (bpf/frames.bpf.c): by port, VLAN and address.
import { HashEntries } from '../../engine/hash-entries.ts';
import { bytes32, noteAsked, openQuestion } from '../../engine/open-object.ts';
import { layoutOf } from '../../kernel/layout.ts';
import type { BpfLink, BpfObject } from '../../kernel/native.ts';

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
  readonly as: keyof typeof WATCHED_AS;
}

const PROGRAMS = ['frame_received', 'frame_sent'];
const KEY_FIELDS = ['netns', 'ifindex', 'address', 'vlan', 'is_sender'] as const;
const PORT_FIELDS = ['netns', 'ifindex'] as const;
const ADDRESS_BYTES = 6;
/** enum watched_as */
const WATCHED_AS = { port: 1, guest: 2, bridge: 3, macvtap: 4, below: 5 } as const;

export class BridgeFrames {
  readonly #object: BpfObject;
  readonly #links: readonly BpfLink[];
  readonly #frames: HashEntries;
  readonly #key;
  readonly #port;
  readonly #guest;
  /** What the maps have, by a text of it. */
  readonly #ports = new Map<string, Uint8Array>();
  readonly #guests = new Set<string>();

  /** Attached when it returns. Throws where the kernel refuses the programs. */
  constructor(typedReads: boolean) {
    this.#object = openQuestion('frames', typedReads);
    try {
      const btf = this.#object.btf();
      this.#key = layoutOf(btf, 'frame_key', KEY_FIELDS);
      this.#port = layoutOf(btf, 'watched_port', PORT_FIELDS);
      this.#guest = layoutOf(btf, 'guest_address', ['address']);
      this.#object.load();
      this.#frames = new HashEntries(this.#object, 'frames');
      this.#links = PROGRAMS.map((program) => this.#object.attach(program));
    } catch (error) {
      this.#object.close();
      throw error;
    }
  }

  /** From now on these ports, and no others. */
  watch(ports: readonly WatchedPort[]): void {
    const wanted = new Map(ports.map((one) => [`${one.netns} ${one.ifindex} ${one.as}`, one]));
    for (const [name, key] of this.#ports)
      if (!wanted.has(name)) {
        this.#object.remove('watched_ports', key);
        this.#ports.delete(name);
      }
    for (const [name, { netns, ifindex, as }] of wanted) {
      if (this.#ports.has(name)) continue;
      const key = new Uint8Array(this.#port.size);
      const view = new DataView(key.buffer);
      view.setUint32(this.#port.at.netns, netns, true);
      view.setUint32(this.#port.at.ifindex, ifindex, true);
      this.#object.update('watched_ports', key, bytes32(WATCHED_AS[as]));
      noteAsked(this.#object, ifindex, as === 'bridge' || as === 'macvtap');
      this.#ports.set(name, key);
    }
  }

  /** Frames to these addresses count too, beside those to groups. */
  expect(addresses: Iterable<string>): void {
    for (const address of addresses) {
      if (this.#guests.has(address)) continue;
      this.#guests.add(address);
      const key = new Uint8Array(this.#guest.size);
      key.set(Buffer.from(address.replaceAll(':', ''), 'hex'), this.#guest.at.address);
      this.#object.update('guest_addresses', key, bytes32(1));
    }
  }

  read(): readonly SeenFrames[] {
    const { at } = this.#key;
    return this.#frames.read().map(({ key, value }) => ({
      netns: key.getUint32(at.netns, true),
      port: key.getUint32(at.ifindex, true),
      address: Array.from({ length: ADDRESS_BYTES }, (_, i) =>
        key
          .getUint8(at.address + i)
          .toString(16)
          .padStart(2, '0'),
      ).join(':'),
      vlan: key.getUint16(at.vlan, true),
      isSender: key.getUint32(at.is_sender, true) !== 0,
      packets: Number(value.getBigUint64(0, true)),
    }));
  }

  close(): void {
    for (const link of this.#links) link.detach();
    this.#object.close();
  }
}

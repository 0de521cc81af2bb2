// SPDX-License-Identifier: Apache-2.0
// By which devices the host sends on what came in by a tun or tap, counted while a person asks (bpf/ways.bpf.c).
import { HashEntries } from '../engine/hash-entries.ts';
import { bytes32, openObject } from '../engine/open-object.ts';
import { layoutOf } from '../kernel/layout.ts';
import { MapView } from '../kernel/map-view.ts';
import type { BpfLink, BpfObject } from '../kernel/native.ts';

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
  readonly ports: number;
  readonly packets: number;
}

const PROGRAMS = ['way_begins', 'sent_on'];
const KEY_FIELDS = ['netns', 'from', 'ports'] as const;
/** IFNAMSIZ */
const NAME_BYTES = 16;

export class WaysOut {
  readonly #object: BpfObject;
  readonly #links: readonly BpfLink[];
  readonly #ways: HashEntries;
  readonly #key;
  readonly #value;
  readonly #device;
  /** What the map has, by a text of it. */
  readonly #followed = new Map<string, Uint8Array>();

  /** Attached when it returns. Throws where the kernel refuses the programs. */
  constructor() {
    this.#object = openObject('ways');
    try {
      const btf = this.#object.btf();
      this.#key = layoutOf(btf, 'way_key', KEY_FIELDS);
      this.#value = layoutOf(btf, 'way', ['packets', 'name']);
      this.#device = layoutOf(btf, 'came_in_by', ['netns', 'ifindex']);
      for (const { name } of this.#object.programs) this.#object.setAutoload(name, PROGRAMS.includes(name));
      this.#object.load();
      this.#ways = new HashEntries(this.#object, 'ways');
      this.#links = PROGRAMS.map((program) => this.#object.attach(program));
    } catch (error) {
      this.#object.close();
      throw error;
    }
  }

  /** From now on these, and no others. */
  follow(devices: readonly FollowedDevice[]): void {
    const wanted = new Map(devices.map((one) => [`${one.netns} ${one.ifindex}`, one]));
    for (const [name, key] of this.#followed)
      if (!wanted.has(name)) {
        this.#object.remove('asked_devices', key);
        this.#followed.delete(name);
      }
    for (const [name, { netns, ifindex }] of wanted) {
      if (this.#followed.has(name)) continue;
      const key = new Uint8Array(this.#device.size);
      const view = new DataView(key.buffer);
      view.setUint32(this.#device.at.netns, netns, true);
      view.setUint32(this.#device.at.ifindex, ifindex, true);
      this.#object.update('asked_devices', key, bytes32(1));
      this.#followed.set(name, key);
    }
  }

  read(): readonly SeenWay[] {
    const [{ at }, value] = [this.#key, this.#value.at];
    return this.#ways.read().map((entry) => ({
      netns: entry.key.getUint32(at.netns, true),
      from: entry.key.getUint32(at.from, true),
      to: textAt(entry.value, value.name),
      ports: entry.key.getUint32(at.ports, true),
      packets: Number(entry.value.getBigUint64(value.packets, true)),
    }));
  }

  close(): void {
    for (const link of this.#links) link.detach();
    this.#object.close();
  }
}

/** A C string of at most NAME_BYTES. */
function textAt({ buffer, byteOffset }: DataView, at: number): string {
  const name = new Uint8Array(buffer, byteOffset + at, NAME_BYTES).slice();
  return new MapView(name.buffer).text(0, NAME_BYTES);
}

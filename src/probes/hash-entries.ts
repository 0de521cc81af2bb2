// SPDX-License-Identifier: Apache-2.0
// All entries of a BPF hash map in one or two system calls.
import { type BpfObject, errnoOf } from '../kernel/native.ts';

export interface HashEntry {
  /** Valid until the next read. */
  readonly key: DataView;
  readonly value: DataView;
}

const FIRST_ROOM = 64;

export class HashEntries {
  readonly #object: BpfObject;
  readonly #map: string;
  readonly #keySize: number;
  readonly #valueSize: number;
  readonly #maxEntries: number;
  #keys = new Uint8Array();
  #values = new Uint8Array();

  constructor(object: BpfObject, map: string) {
    const found = object.maps.find(({ name }) => name === map);
    if (!found) throw new Error(`The BPF object has no map ${map}: it is of another build. Run 'make bpf'.`);
    this.#object = object;
    this.#map = map;
    this.#keySize = found.keySize;
    this.#valueSize = found.valueSize;
    this.#maxEntries = found.maxEntries;
    this.#makeRoom(Math.min(FIRST_ROOM, found.maxEntries));
  }

  read(): readonly HashEntry[] {
    return Array.from({ length: this.#fetch() }, (_, i) => ({
      key: new DataView(this.#keys.buffer, i * this.#keySize, this.#keySize),
      value: new DataView(this.#values.buffer, i * this.#valueSize, this.#valueSize),
    }));
  }

  removeWhere(unwanted: (key: DataView) => boolean): void {
    for (const { key } of this.read()) {
      if (!unwanted(key)) continue;
      this.#object.remove(this.#map, new Uint8Array(key.buffer, key.byteOffset, key.byteLength).slice());
    }
  }

  /** Most hosts have few entries; the room for them grows as needed. */
  #fetch(): number {
    for (;;) {
      try {
        return this.#object.entries(this.#map, this.#keys, this.#values);
      } catch (error) {
        const room = this.#keys.length / this.#keySize;
        if (errnoOf(error) !== 'ENOSPC' || room >= this.#maxEntries) throw error;
        this.#makeRoom(Math.min(4 * room, this.#maxEntries));
      }
    }
  }

  #makeRoom(entries: number): void {
    this.#keys = new Uint8Array(this.#keySize * entries);
    this.#values = new Uint8Array(this.#valueSize * entries);
  }
}

// SPDX-License-Identifier: Apache-2.0
// All entries of a hash map of u64 counts in one or two system calls.
import type { BpfObject } from '../kernel/native.ts';

export interface HashEntry {
  readonly key: DataView;
  /** The value, as so many u64. */
  readonly counts: readonly number[];
}

export class HashEntries {
  readonly #object: BpfObject;
  readonly #map: string;
  readonly #keySize: number;
  readonly #words: number;
  readonly #keys: Uint8Array;
  readonly #values: BigUint64Array;

  constructor(object: BpfObject, map: string) {
    const found = object.maps.find(({ name }) => name === map);
    const { keySize, valueSize, maxEntries } = found ?? { keySize: 0, valueSize: 0, maxEntries: 0 };
    this.#object = object;
    this.#map = map;
    this.#keySize = keySize;
    this.#words = valueSize / 8;
    this.#keys = new Uint8Array(keySize * maxEntries);
    this.#values = new BigUint64Array(this.#words * maxEntries);
  }

  read(): readonly HashEntry[] {
    const count = this.#object.entries(this.#map, this.#keys, new Uint8Array(this.#values.buffer));
    return Array.from({ length: count }, (_, i) => ({
      key: this.#key(i),
      counts: Array.from(this.#values.subarray(i * this.#words, (i + 1) * this.#words), Number),
    }));
  }

  removeWhere(unwanted: (key: DataView) => boolean): void {
    const count = this.#object.entries(this.#map, this.#keys, new Uint8Array(this.#values.buffer));
    for (let i = 0; i < count; i++) {
      if (!unwanted(this.#key(i))) continue;
      this.#object.remove(this.#map, this.#keys.slice(i * this.#keySize, (i + 1) * this.#keySize));
    }
  }

  #key(i: number): DataView {
    return new DataView(this.#keys.buffer, i * this.#keySize, this.#keySize);
  }
}

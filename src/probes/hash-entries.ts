// SPDX-License-Identifier: Apache-2.0
// Hash maps of counts, for what is rare.
import type { BpfObject } from '../kernel/native.ts';

/** All entries of a hash map of u64 counts in one or two system calls. */
export class HashEntries {
  readonly #object: BpfObject;
  readonly #map: string;
  readonly #keySize: number;
  readonly #keys: Uint8Array;
  readonly #values: BigUint64Array;

  constructor(object: BpfObject, map: string) {
    const { keySize, maxEntries } = object.maps.find(({ name }) => name === map) ?? { keySize: 0, maxEntries: 0 };
    this.#object = object;
    this.#map = map;
    this.#keySize = keySize;
    this.#keys = new Uint8Array(keySize * maxEntries);
    this.#values = new BigUint64Array(maxEntries);
  }

  read(): readonly { readonly key: DataView; readonly packets: number }[] {
    const count = this.#object.entries(this.#map, this.#keys, new Uint8Array(this.#values.buffer));
    return Array.from({ length: count }, (_, i) => ({ key: this.#key(i), packets: Number(this.#values[i] ?? 0n) }));
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

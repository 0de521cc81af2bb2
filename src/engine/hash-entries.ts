// SPDX-License-Identifier: Apache-2.0
// All entries of a BPF hash map in one or two system calls, or in none where nothing can be in it.
import { errnoOf } from '../kernel/error-name.ts';
import type { BpfObject } from '../kernel/native.ts';
import { type Insertions, insertionsOf } from './insertions.ts';

export interface HashEntry {
  /** Valid until the next read. */
  readonly key: DataView;
  readonly value: DataView;
}

const FIRST_ROOM = 64;

/** Groups by number. */
type Groups<Group> = ReadonlyMap<number, Group>;

interface Last<Group> {
  readonly count: number;
  readonly keys: Uint8Array;
  readonly values: Uint8Array;
  readonly groups: Groups<Group>;
  /** How many entries each group has. */
  readonly sizes: ReadonlyMap<number, number>;
}

export class HashEntries<Group = never> {
  readonly #object: BpfObject;
  readonly #map: string;
  readonly #keySize: number;
  readonly #valueSize: number;
  readonly #maxEntries: number;
  readonly #insertions: Insertions | undefined;
  #keys = new Uint8Array();
  #values = new Uint8Array();
  /** The result of the last readGroups(). */
  #last: Last<Group> = {
    count: 0,
    keys: new Uint8Array(),
    values: new Uint8Array(),
    groups: new Map(),
    sizes: new Map(),
  };

  constructor(object: BpfObject, map: string) {
    const found = object.maps.find(({ name }) => name === map);
    if (!found) throw new Error(`The BPF object has no map ${map}: it is of another build. Run 'make bpf'.`);
    this.#object = object;
    this.#map = map;
    this.#keySize = found.keySize;
    this.#valueSize = found.valueSize;
    this.#maxEntries = found.maxEntries;
    this.#insertions = insertionsOf(object, map);
    this.#makeRoom(Math.min(FIRST_ROOM, found.maxEntries));
  }

  read(): readonly HashEntry[] {
    return Array.from({ length: this.#fetch() }, (_, index) => this.#entry(index));
  }

  /**
   * Groups the entries by a number in the key. A group that did not change since the last call is the same object, and
   * so is the whole where nothing changed at all.
   */
  readGroups(groupOf: (key: DataView) => number, make: (entries: readonly HashEntry[]) => Group): Groups<Group> {
    const count = this.#fetch();
    const last = this.#last;
    const [keyEnd, valueEnd] = [count * this.#keySize, count * this.#valueSize];
    const isSame = (from: number, to: number): boolean =>
      isSameIn(last.keys, this.#keys, from * this.#keySize, to * this.#keySize) &&
      isSameIn(last.values, this.#values, from * this.#valueSize, to * this.#valueSize);
    if (count === last.count && isSame(0, count)) return last.groups;
    const members = new Map<number, { readonly entries: HashEntry[]; isChanged: boolean }>();
    for (let index = 0; index < count; index += 1) {
      const entry = this.#entry(index);
      const number = groupOf(entry.key);
      const group = members.get(number) ?? { entries: [], isChanged: false };
      members.set(number, group);
      group.entries.push(entry);
      group.isChanged ||= index >= last.count || !isSame(index, index + 1);
    }
    const sizes = new Map([...members].map(([number, { entries }]) => [number, entries.length]));
    const groups = new Map<number, Group>();
    for (const [number, { entries, isChanged }] of members) {
      const before = last.groups.get(number);
      const stays = before !== undefined && !isChanged && last.sizes.get(number) === entries.length;
      groups.set(number, stays ? before : make(entries));
    }
    const [keys, values] = [this.#keys.slice(0, keyEnd), this.#values.slice(0, valueEnd)];
    this.#last = { count, keys, values, groups, sizes };
    return groups;
  }

  removeWhere(unwanted: (key: DataView) => boolean): void {
    for (const { key } of this.read()) {
      if (!unwanted(key)) continue;
      this.#object.remove(this.#map, new Uint8Array(key.buffer, key.byteOffset, key.byteLength).slice());
    }
  }

  #entry(index: number): HashEntry {
    return {
      key: new DataView(this.#keys.buffer, index * this.#keySize, this.#keySize),
      value: new DataView(this.#values.buffer, index * this.#valueSize, this.#valueSize),
    };
  }

  #fetch(): number {
    return this.#insertions ? this.#insertions.entries(() => this.#fill()) : this.#fill();
  }

  /** Most hosts have few entries; the room for them grows as needed. */
  #fill(): number {
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

/** Compares the bytes from `from` up to `to`. */
function isSameIn(before: Uint8Array, now: Uint8Array, from: number, to: number): boolean {
  return to <= before.length && Buffer.compare(before.subarray(from, to), now.subarray(from, to)) === 0;
}

export function byDevice<Count extends { readonly deviceId: bigint }>(
  counts: readonly Count[],
): ReadonlyMap<bigint, readonly Count[]> {
  const devices = new Map<bigint, Count[]>();
  for (const count of counts) {
    const others = devices.get(count.deviceId);
    if (others) others.push(count);
    else devices.set(count.deviceId, [count]);
  }
  return devices;
}

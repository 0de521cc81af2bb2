// SPDX-License-Identifier: Apache-2.0
// Counts by row that are too rare for a field of the row, in hash maps whose keys are a row and one more number.
import { layoutOf } from '../kernel/layout.ts';
import type { BpfObject } from '../kernel/native.ts';
import { HashEntries } from './hash-entries.ts';

/** The second number of the key → the count. */
export type Counts = ReadonlyMap<number, number>;

export class RowCounts {
  readonly #entries: HashEntries<Counts>;
  readonly #rowAt: number;
  readonly #numberAt: number;

  /** `key`: the struct of the map's keys; `number`: its field beside `row`. */
  constructor(object: BpfObject, map: string, key: string, number: string) {
    const { at } = layoutOf(object.btf(), key, ['row', number]);
    this.#entries = new HashEntries(object, map);
    this.#rowAt = at.row ?? 0;
    this.#numberAt = at[number] ?? 0;
  }

  /** By row number. What did not change since the last call is the same object. */
  read(): ReadonlyMap<number, Counts> {
    return this.#entries.readGroups(
      (key) => key.getUint32(this.#rowAt, true),
      (entries) =>
        new Map(
          entries.map(({ key, value }) => [key.getUint32(this.#numberAt, true), Number(value.getBigUint64(0, true))]),
        ),
    );
  }

  remove(rows: ReadonlySet<number>): void {
    this.#entries.removeWhere((key) => rows.has(key.getUint32(this.#rowAt, true)));
  }
}

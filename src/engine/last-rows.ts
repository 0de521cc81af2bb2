// SPDX-License-Identifier: Apache-2.0
// Finds the rows that were written since the last sample, by comparing their bytes and entries of hash maps.
import type { MapView } from '../kernel/map-view.ts';

/** Records of one size, one a row, in the order of the rows' numbers. */
interface Records {
  readonly view: MapView;
  /** The offset of row 0, bytes. */
  readonly begin: number;
  readonly size: number;
}

interface Copied extends Records {
  copy: Uint8Array;
}

/** What hash maps hold, by row. What did not change is the same object. */
type Beside = readonly (ReadonlyMap<number, unknown> | undefined)[];

/** Compared at once: most rows of a host were not written. */
const ROWS_AT_ONCE = 64;

export class LastRows {
  readonly #tables: readonly Copied[];
  #beside: Beside = [];

  constructor(...tables: readonly Records[]) {
    this.#tables = tables.map((table) => ({ ...table, copy: new Uint8Array() }));
  }

  /**
   * The rows 1 to `end` that may have been written since the last sample with `keep`. `keep`: later calls compare with
   * the present state. It is copied before this returns: what is written while the caller reads counts as later.
   */
  written(end: number, beside: Beside, keep: boolean): ReadonlySet<number> {
    const rows = new Set<number>();
    for (const table of this.#tables) compare(table, end, keep, rows);
    for (const [place, now] of beside.entries()) if (now) addChanged(this.#beside[place], now, rows);
    if (keep) this.#beside = beside;
    return rows;
  }
}

function compare(table: Copied, end: number, keep: boolean, rows: Set<number>): void {
  const { view, begin, size } = table;
  if (keep) table.copy = roomFor((end + 1) * size, table.copy);
  const isSame = (first: number, count: number): boolean =>
    view.isSame(table.copy, first * size, begin + first * size, count * size);
  for (let first = 1; first <= end; first += ROWS_AT_ONCE) {
    const behind = Math.min(first + ROWS_AT_ONCE, end + 1);
    if (isSame(first, behind - first)) continue;
    for (let row = first; row < behind; row += 1) {
      if (isSame(row, 1)) continue;
      rows.add(row);
      if (keep) view.copy(table.copy.subarray(row * size), begin + row * size, size);
    }
  }
}

function addChanged(
  before: ReadonlyMap<number, unknown> | undefined,
  now: ReadonlyMap<number, unknown>,
  rows: Set<number>,
): void {
  if (before === now) return;
  for (const [row, value] of now) if (before?.get(row) !== value) rows.add(row);
  for (const row of before?.keys() ?? []) if (!now.has(row)) rows.add(row);
}

/** Makes room for `bytes`, and keeps what was copied. */
function roomFor(bytes: number, copy: Uint8Array): Uint8Array {
  if (copy.length >= bytes) return copy;
  const room = new Uint8Array(2 * bytes);
  room.set(copy);
  return room;
}

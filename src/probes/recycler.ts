// SPDX-License-Identifier: Apache-2.0
// Hands rows of vanished devices back to the pool: forgotten when a complete walk lacks the device, released two walks and two seconds later.
import { layoutOf } from '../kernel/layout.ts';
import type { BpfObject } from '../kernel/native.ts';

/** Walks that must lack a device before its rows are released, the one that forgot them included. */
const WALKS = 3;
/** Longer than any program can still hold a row number that it looked up before the row was forgotten. */
const GRACE_MS = 2000;

interface Absence {
  walks: number;
  readonly sinceMs: number;
  readonly forgotten: Set<number>;
}

export class Recycler {
  readonly #object: BpfObject;
  readonly #batch: number;
  readonly #rowsAt: number;
  readonly #absent = new Map<bigint, Absence>();

  constructor(object: BpfObject) {
    const btf = object.btf();
    const layout = layoutOf(btf, 'recycle_request', ['rows']);
    this.#object = object;
    this.#rowsAt = layout.at.rows;
    this.#batch = (layout.size - layout.at.rows) / 8; // two lists of u32
  }

  /**
   * After a complete walk: rows by device that were read before it, and the devices that it found. `beforeRelease` hears
   * of rows before another device can have them. The answer: devices that are gone with all their rows.
   */
  update(
    rows: ReadonlyMap<bigint, readonly number[]>,
    present: ReadonlySet<bigint>,
    nowMs: number,
    beforeRelease: (rows: ReadonlySet<number>) => void,
  ): ReadonlySet<bigint> {
    const forget: number[] = [];
    const release: number[] = [];
    const gone = new Set<bigint>();
    for (const [device, numbers] of rows) {
      if (present.has(device)) {
        this.#absent.delete(device);
        continue;
      }
      const absence = this.#absent.get(device) ?? { walks: 0, sinceMs: nowMs, forgotten: new Set<number>() };
      this.#absent.set(device, absence);
      const due = ++absence.walks >= WALKS && nowMs - absence.sinceMs >= GRACE_MS;
      // Rows may be born while their device is being deleted: each is forgotten at one walk and released at a later one.
      const known = numbers.filter((number) => absence.forgotten.has(number));
      if (due) release.push(...known);
      if (due && known.length === numbers.length) {
        this.#absent.delete(device);
        gone.add(device);
        continue;
      }
      forget.push(...numbers.filter((number) => !due || !absence.forgotten.has(number)));
      for (const number of numbers) absence.forgotten.add(number);
    }
    beforeRelease(new Set(release));
    this.#run(forget, release);
    return gone;
  }

  #run(forget: readonly number[], release: readonly number[]): void {
    for (let from = 0; from < Math.max(forget.length, release.length); from += this.#batch) {
      const lists = [forget, release].map((list) => list.slice(from, from + this.#batch));
      const context = new Uint8Array(this.#rowsAt + 8 * this.#batch);
      const view = new DataView(context.buffer);
      for (const [which, list] of lists.entries()) {
        view.setUint32(which * 4, list.length, true);
        for (const [i, row] of list.entries()) view.setUint32(this.#rowsAt + (which * this.#batch + i) * 4, row, true);
      }
      this.#object.testRun('recycle', context);
    }
  }
}

// SPDX-License-Identifier: Apache-2.0
// A number for each device that grows when anything of it changes: whatever reads a part of a device reports a change here.
import { isDeepStrictEqual } from 'node:util';

export class Generations {
  readonly #own = new Map<bigint, number>();
  #common = 0;

  of(device: bigint): number {
    return (this.#own.get(device) ?? 0) + this.#common;
  }

  changed(device: bigint): void {
    this.#own.set(device, (this.#own.get(device) ?? 0) + 1);
  }

  /** Something that all devices depend on changed. */
  allChanged(): void {
    this.#common += 1;
  }

  /** What was read of the devices before and now; the result has the objects of before where they are equal. */
  compare<Value>(before: ReadonlyMap<bigint, Value>, now: ReadonlyMap<bigint, Value>): ReadonlyMap<bigint, Value> {
    const compared = new Map<bigint, Value>();
    for (const [device, value] of now) {
      const known = before.get(device);
      const isEqual = known !== undefined && isDeepStrictEqual(known, value);
      if (!isEqual) this.changed(device);
      compared.set(device, isEqual ? known : value);
    }
    for (const device of before.keys()) if (!now.has(device)) this.changed(device);
    return compared;
  }

  /** These are gone for good. */
  remove(gone: ReadonlySet<bigint>): void {
    for (const device of gone) this.#own.delete(device);
  }
}

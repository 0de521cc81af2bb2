// SPDX-License-Identifier: Apache-2.0
// Devices that stand still. A device whose parts are all the same objects as at the look before is given again as
// it was made last. A host with a thousand idle guests costs what its busy ones cost.
import { isDeepStrictEqual } from 'node:util';
import type { Device } from '../snapshot/device.ts';

interface Entry {
  readonly inputs: readonly unknown[];
  readonly device: Device;
  /** Looks in a row with the same inputs that made the same device. */
  readonly looks: number;
}

/** The accounts change their mind after three equal samples, and marks after three more (PATIENCE, SAMPLES): after six nothing more can come. */
const SETTLED_AFTER = 6;

/** An entry is void when one of its inputs is another object, and all are when something else measures. */
export class SettledDevices {
  readonly #entries = new Map<bigint, Entry>();
  #measuredBy = '';

  /** Once a snapshot, before any device. `measuredBy`: everything that all devices depend on. */
  begin(measuredBy: string): void {
    if (measuredBy !== this.#measuredBy) this.#entries.clear();
    this.#measuredBy = measuredBy;
  }

  /** undefined: it has to be made. */
  find(id: bigint, inputs: readonly unknown[]): Device | undefined {
    const entry = this.#entries.get(id);
    return entry && entry.looks >= SETTLED_AFTER && areSame(entry.inputs, inputs) ? entry.device : undefined;
  }

  /** `lasting`: nothing of the device depends on the time. */
  keep(id: bigint, inputs: readonly unknown[], device: Device, lasting: boolean): void {
    const before = this.#entries.get(id);
    const goesOn = lasting && before && areSame(before.inputs, inputs) && isDeepStrictEqual(before.device, device);
    this.#entries.set(id, goesOn ? { ...before, looks: before.looks + 1 } : { inputs, device, looks: lasting ? 1 : 0 });
  }

  forget(present: ReadonlySet<bigint>): void {
    for (const id of this.#entries.keys()) if (!present.has(id)) this.#entries.delete(id);
  }
}

/** A plain loop: it runs for each device in each snapshot. */
function areSame(before: readonly unknown[], now: readonly unknown[]): boolean {
  if (before.length !== now.length) return false;
  for (let place = 0; place < now.length; place += 1) if (before[place] !== now[place]) return false;
  return true;
}

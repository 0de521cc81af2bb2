// SPDX-License-Identifier: Apache-2.0
// Devices that stand still: one whose generation stays is shown as it was made last. A host with a thousand idle guests costs what its busy ones cost.
import { isDeepStrictEqual } from 'node:util';
import type { Device } from '../snapshot/device.ts';

interface Entry {
  readonly generation: number;
  readonly device: Device;
  /** Samples in a row with this generation that made the same device. */
  readonly samples: number;
}

/** The accounts change their mind after three equal samples, and marks after three more (PATIENCE, SAMPLES): after six nothing more can come. */
const UNCHANGED_AFTER = 6;

export class UnchangedDevices {
  readonly #entries = new Map<bigint, Entry>();

  /** undefined: it has to be made. */
  find(id: bigint, generation: number): Device | undefined {
    const entry = this.#entries.get(id);
    return entry && entry.samples >= UNCHANGED_AFTER && entry.generation === generation ? entry.device : undefined;
  }

  /** The answer is the device to show. `isOpen`: something of it depends on the time. */
  keep(id: bigint, generation: number, device: Device, isOpen: boolean): Device {
    const before = this.#entries.get(id);
    const isSame = !isOpen && before?.generation === generation && isDeepStrictEqual(before.device, device);
    const entry = isSame ? { ...before, samples: before.samples + 1 } : { generation, device, samples: isOpen ? 0 : 1 };
    this.#entries.set(id, entry);
    return entry.device;
  }

  forget(present: ReadonlySet<bigint>): void {
    for (const id of this.#entries.keys()) if (!present.has(id)) this.#entries.delete(id);
  }
}

// SPDX-License-Identifier: Apache-2.0
// Devices where no program can walk them: by rtnetlink.
import { type LinkInventory, readLinkInventory } from '../inventory/links.ts';
import type { Owners } from '../inventory/owners.ts';
import type { Device } from '../snapshot/device.ts';

/** They are read again when they are older than this: a dump takes RTNL, and who looks each second wants the second's figures. */
const AGE_MS = 900;

export class LinkSampler {
  readonly #owners: Owners;
  #links: LinkInventory = { devices: [], unresolved: 0 };
  #readMs = Number.NEGATIVE_INFINITY;
  #reading: Promise<void> | undefined;
  #incomplete = 0;

  constructor(owners: Owners) {
    this.#owners = owners;
  }

  /** Namespaces that were seen and could not be entered. */
  get unresolved(): number {
    return this.#links.unresolved;
  }

  /** Readings that lacked a namespace. */
  get incomplete(): number {
    return this.#incomplete;
  }

  async sample(): Promise<readonly Device[]> {
    if (performance.now() - this.#readMs >= AGE_MS) this.#reading ??= this.#read();
    // Who comes meanwhile gets the same, not what was read before.
    await this.#reading;
    return this.#links.devices;
  }

  async #read(): Promise<void> {
    try {
      this.#links = await readLinkInventory(this.#owners);
      this.#readMs = performance.now();
      if (this.#links.unresolved > 0) this.#incomplete++;
    } finally {
      this.#reading = undefined;
    }
  }
}

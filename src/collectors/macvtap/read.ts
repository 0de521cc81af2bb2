// SPDX-License-Identifier: Apache-2.0
// Packets that macvtap and ipvtap devices handed to their guests and readers.

import { HashEntries } from '../../engine/hash-entries.ts';
import { layoutOf } from '../../kernel/layout.ts';
import type { BpfObject } from '../../kernel/native.ts';

export class MacvtapReads {
  readonly #entries: HashEntries;
  readonly #deviceAt: number;

  constructor(object: BpfObject) {
    this.#entries = new HashEntries(object, 'macvtap_reads');
    this.#deviceAt = layoutOf(object.btf(), 'macvtap_read_key', ['device_id']).at.device_id;
  }

  /** Sums over all queues, by device. */
  read(): ReadonlyMap<bigint, number> {
    const devices = new Map<bigint, number>();
    for (const { key, value } of this.#entries.read()) {
      const device = key.getBigUint64(this.#deviceAt, true);
      devices.set(device, (devices.get(device) ?? 0) + Number(value.getBigUint64(0, true)));
    }
    return devices;
  }

  remove(devices: ReadonlySet<bigint>): void {
    this.#entries.removeWhere((key) => devices.has(key.getBigUint64(this.#deviceAt, true)));
  }
}

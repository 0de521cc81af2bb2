// SPDX-License-Identifier: Apache-2.0
// Counts that live in hash maps because they are rare: drops for reasons without a slot, losses before tun, and of what came from a guest.
import { layoutOf } from '../kernel/layout.ts';
import type { BpfObject } from '../kernel/native.ts';
import { HashEntries } from './hash-entries.ts';

export interface OtherDropCount {
  readonly deviceId: bigint;
  /** Return address in the function that freed the packet. */
  readonly location: bigint;
  readonly reason: number;
  readonly packets: number;
  /** They came from the guest or writer, and were freed after tun had passed them on to the host. */
  readonly fromGuest: boolean;
}

/** Drops by reasons that have no slot in the row, by row number. */
export class RareDrops {
  readonly #entries: HashEntries<ReadonlyMap<number, number>>;
  readonly #rowAt: number;
  readonly #reasonAt: number;

  constructor(object: BpfObject) {
    const { at } = layoutOf(object.btf(), 'rare_drop_key', ['row', 'reason']);
    this.#entries = new HashEntries(object, 'rare_drops');
    this.#rowAt = at.row;
    this.#reasonAt = at.reason;
  }

  /** Row number → reason number → packets. */
  read(): ReadonlyMap<number, ReadonlyMap<number, number>> {
    return this.#entries.readGroups(
      (key) => key.getUint32(this.#rowAt, true),
      (entries) =>
        new Map(
          entries.map(({ key, value }) => [key.getUint32(this.#reasonAt, true), Number(value.getBigUint64(0, true))]),
        ),
    );
  }

  remove(rows: ReadonlySet<number>): void {
    this.#entries.removeWhere((key) => rows.has(key.getUint32(this.#rowAt, true)));
  }
}

/** Packets of a tun or tap device that were freed before they reached a ring, or on their way from the guest into the host. */
export class OtherDrops {
  readonly #entries: HashEntries;
  readonly #at: Readonly<Record<'device_id' | 'location' | 'reason' | 'from_guest', number>>;

  constructor(object: BpfObject) {
    this.#entries = new HashEntries(object, 'other_drops');
    this.#at = layoutOf(object.btf(), 'other_drop_key', ['device_id', 'location', 'reason', 'from_guest']).at;
  }

  read(): readonly OtherDropCount[] {
    return this.#entries.read().map(({ key, value }) => ({
      deviceId: key.getBigUint64(this.#at.device_id, true),
      location: key.getBigUint64(this.#at.location, true),
      reason: key.getUint32(this.#at.reason, true),
      packets: Number(value.getBigUint64(0, true)),
      fromGuest: key.getUint32(this.#at.from_guest, true) !== 0,
    }));
  }

  remove(devices: ReadonlySet<bigint>): void {
    this.#entries.removeWhere((key) => devices.has(key.getBigUint64(this.#at.device_id, true)));
  }
}

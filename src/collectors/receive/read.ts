// SPDX-License-Identifier: Apache-2.0
// Counts of the way from the guest or writer to the host that live in hash maps: refused writes, and vhost-net's batches.

import { HashEntries } from '../../engine/hash-entries.ts';
import { errorName } from '../../kernel/error-name.ts';
import { layoutOf } from '../../kernel/layout.ts';
import type { BpfObject } from '../../kernel/native.ts';

export interface RefusedCount {
  readonly deviceId: bigint;
  readonly errno: string;
  readonly writes: number;
}

export interface BatchCount {
  readonly deviceId: bigint;
  readonly queue: number;
  readonly packets: number;
  /** Batches by the power of two that their packets do not exceed. */
  readonly sizes: readonly number[];
}

export class RefusedWrites {
  readonly #entries: HashEntries;
  readonly #at: Readonly<Record<'device_id' | 'error', number>>;

  constructor(object: BpfObject) {
    this.#entries = new HashEntries(object, 'refused_writes');
    this.#at = layoutOf(object.btf(), 'refused_key', ['device_id', 'error']).at;
  }

  read(): readonly RefusedCount[] {
    return this.#entries.read().map(({ key, value }) => ({
      deviceId: key.getBigUint64(this.#at.device_id, true),
      errno: errorName(key.getUint32(this.#at.error, true)),
      writes: Number(value.getBigUint64(0, true)),
    }));
  }

  remove(devices: ReadonlySet<bigint>): void {
    this.#entries.removeWhere((key) => devices.has(key.getBigUint64(this.#at.device_id, true)));
  }
}

export class ReceiveBatches {
  readonly #entries: HashEntries;
  readonly #at: Readonly<Record<'device_id' | 'queue', number>>;
  readonly #value: Readonly<Record<'packets' | 'sizes', number>>;
  readonly #sizes: number;

  constructor(object: BpfObject) {
    this.#entries = new HashEntries(object, 'receive_batches');
    const btf = object.btf();
    this.#at = layoutOf(btf, 'receive_batches_key', ['device_id', 'queue']).at;
    this.#value = layoutOf(btf, 'receive_batches', ['packets', 'sizes']).at;
    this.#sizes = btf.struct('receive_batches')?.fields.find(({ name }) => name === 'sizes')?.count ?? 0;
  }

  read(): readonly BatchCount[] {
    return this.#entries.read().map(({ key, value }) => ({
      deviceId: key.getBigUint64(this.#at.device_id, true),
      queue: key.getUint32(this.#at.queue, true),
      packets: Number(value.getBigUint64(this.#value.packets, true)),
      sizes: Array.from({ length: this.#sizes }, (_, i) => Number(value.getBigUint64(this.#value.sizes + 8 * i, true))),
    }));
  }

  remove(devices: ReadonlySet<bigint>): void {
    this.#entries.removeWhere((key) => devices.has(key.getBigUint64(this.#at.device_id, true)));
  }
}

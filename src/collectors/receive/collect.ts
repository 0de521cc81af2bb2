// SPDX-License-Identifier: Apache-2.0
// The way from the guest or writer to the host: what the tables of the BPF programs hold of each device.

import type { Probes } from '../../engine/attach.ts';
import { WRITE_LOCATIONS } from '../../engine/locations.ts';
import { sameWhereEqual } from '../../engine/same-where-equal.ts';
import type { WalkedDevice } from '../../engine/walk.ts';
import type { BpfObject } from '../../kernel/native.ts';
import type { OtherDrop, Receive, RefusedWrites as Refused } from '../../snapshot/device.ts';
import type { VhostBatches } from '../../snapshot/queue.ts';
import { type BatchCount, ReceiveBatches, type RefusedCount, RefusedWrites } from './read.ts';

/** What an attached device starts with zeros for: what tun_chr_write_iter and tun_get_user themselves answer. */
const ERRORS = ['EAGAIN', 'EFAULT', 'EINVAL', 'EIO'];

/** vhost-net gathers up to 64 (VHOST_NET_BATCH). */
const BOUNDS = [1, 2, 4, 8, 16, 32, 64];

export class ReceiveCollector {
  readonly #probes: Probes;
  readonly #refusedWrites: RefusedWrites;
  readonly #receiveBatches: ReceiveBatches;
  #refused: ReadonlyMap<bigint, readonly RefusedCount[]> = new Map();
  #batches: ReadonlyMap<bigint, readonly BatchCount[]> = new Map();

  constructor(probes: Probes, object: BpfObject) {
    this.#probes = probes;
    this.#refusedWrites = new RefusedWrites(object);
    this.#receiveBatches = new ReceiveBatches(object);
  }

  /** Once a snapshot. */
  read(): void {
    this.#refused = sameWhereEqual(this.#refused, byDevice(this.#refusedWrites.read()));
    this.#batches = sameWhereEqual(this.#batches, byDevice(this.#receiveBatches.read()));
  }

  /** The counts of this device from which the rest is made: the same objects if nothing changed since the last read. */
  readOf(id: bigint): readonly unknown[] {
    return [this.#refused.get(id), this.#batches.get(id)];
  }

  /** `freed`: all drops of the device that belong to no row. */
  ofDevice(
    { id, frameErrors, xdp }: WalkedDevice,
    freed: readonly OtherDrop[],
    refusedByHost: readonly OtherDrop[],
  ): Receive {
    const measured = this.#probes.can('refusals');
    return {
      dropped: this.#probes.can('drops') ? freed.filter(isWritten) : undefined,
      refusedByHost: this.#probes.can('drops-before') ? refusedByHost : undefined,
      xdp,
      refused: measured ? withZeros(this.#refused.get(id) ?? []) : undefined,
      frameErrors,
    };
  }

  /** Batches by queue, for queues that vhost-net has sent by. */
  batchesOf({ id }: WalkedDevice): ReadonlyMap<number, VhostBatches> {
    if (!this.#probes.can('receive-batches')) return new Map();
    const own = this.#batches.get(id) ?? [];
    return new Map(own.map(({ queue, packets, sizes }) => [queue, { bounds: BOUNDS, buckets: sizes, sum: packets }]));
  }

  /** Devices that the tables have entries of. */
  devices(): readonly bigint[] {
    return [...this.#refused.keys(), ...this.#batches.keys()];
  }

  remove(devices: ReadonlySet<bigint>): void {
    this.#refusedWrites.remove(devices);
    this.#receiveBatches.remove(devices);
  }
}

function byDevice<Count extends { readonly deviceId: bigint }>(
  counts: readonly Count[],
): ReadonlyMap<bigint, readonly Count[]> {
  const devices = new Map<bigint, Count[]>();
  for (const count of counts) {
    const others = devices.get(count.deviceId);
    if (others) others.push(count);
    else devices.set(count.deviceId, [count]);
  }
  return devices;
}

/** Freed by tun on the way from the guest, not on the way to it. */
export function isWritten({ location }: OtherDrop): boolean {
  return WRITE_LOCATIONS.includes(location);
}

function withZeros(counted: readonly RefusedCount[]): readonly Refused[] {
  const missing = ERRORS.filter((name) => !counted.some(({ errno }) => errno === name));
  return [
    ...counted.map(({ errno, writes }) => ({ errno, writes })),
    ...missing.map((errno) => ({ errno, writes: 0 })),
  ];
}

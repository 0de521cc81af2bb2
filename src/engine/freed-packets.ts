// SPDX-License-Identifier: Apache-2.0
// Packets that belong to no queue when the kernel frees them, by device: lost before tun, freed by it, or refused by the host behind it.
import { layoutOf } from '../kernel/layout.ts';
import type { OtherDrop } from '../snapshot/device.ts';
import type { Probes } from './attach.ts';
import type { Generations } from './generations.ts';
import { HashEntries } from './hash-entries.ts';
import { Places } from './places.ts';
import type { LoadedPrograms } from './programs.ts';

type ByDevice = ReadonlyMap<bigint, readonly OtherDrop[]>;

/** The same as enum drop_direction in bpf/drops/other-drops.bpf.h. */
const TOWARDS = 0;
const UNWANTED = 2;

export class FreedPackets {
  readonly #generations: Generations;
  readonly #reasons: LoadedPrograms['reasons'];
  readonly #entries: HashEntries;
  readonly #at: Readonly<Record<'device_id' | 'location' | 'reason' | 'direction', number>>;
  readonly #places: Places<bigint>;
  #towards: ByDevice = new Map();
  #fromGuest: ByDevice = new Map();

  constructor(
    probes: Pick<Probes, 'symbols'>,
    { object, reasons }: Pick<LoadedPrograms, 'object' | 'reasons'>,
    generations: Generations,
  ) {
    this.#places = new Places(probes.symbols);
    this.#generations = generations;
    this.#reasons = reasons;
    this.#entries = new HashEntries(object, 'other_drops');
    this.#at = layoutOf(object.btf(), 'other_drop_key', ['device_id', 'location', 'reason', 'direction']).at;
  }

  /** Once a sample. */
  read(): void {
    const [towards, fromGuest] = [new Map<bigint, OtherDrop[]>(), new Map<bigint, OtherDrop[]>()];
    const entries = this.#entries.read().map(({ key, value }) => ({
      device: key.getBigUint64(this.#at.device_id, true),
      reason: this.#reasons.name(key.getUint32(this.#at.reason, true)),
      address: key.getBigUint64(this.#at.location, true),
      direction: key.getUint32(this.#at.direction, true),
      packets: Number(value.getBigUint64(0, true)),
    }));
    this.#places.learn(entries.map(({ address }) => address));
    for (const { device, reason, address, direction, packets } of entries) {
      const drop = { ...this.#places.of(device, reason, address), packets };
      // Each device gets an entry towards it, so that it is known.
      const known = towards.get(device) ?? [];
      towards.set(device, direction === TOWARDS ? plus(known, drop) : known);
      if (direction === TOWARDS) continue;
      const from = direction === UNWANTED ? { ...drop, unwanted: true } : drop;
      fromGuest.set(device, plus(fromGuest.get(device) ?? [], from));
    }
    this.#fromGuest = this.#generations.compare(this.#fromGuest, fromGuest);
    this.#towards = this.#generations.compare(this.#towards, towards);
  }

  /** Towards the device, or freed by tun; in the key of each device that has any. */
  get towards(): ByDevice {
    return this.#towards;
  }

  /** Passed on by tun from the guest or writer, and freed by the host. */
  fromGuest(device: bigint): readonly OtherDrop[] {
    return this.#fromGuest.get(device) ?? [];
  }

  remove(devices: ReadonlySet<bigint>): void {
    this.#entries.removeWhere((key) => devices.has(key.getBigUint64(this.#at.device_id, true)));
    for (const device of devices) this.#places.forget(device);
  }
}

/** Several call sites of one function are one place. */
function plus(drops: OtherDrop[], drop: OtherDrop): OtherDrop[] {
  const known = drops.findIndex(
    ({ reason, location, unwanted }) =>
      reason === drop.reason && location === drop.location && unwanted === drop.unwanted,
  );
  const same = drops[known];
  if (!same) return [...drops, drop];
  return drops.with(known, { ...same, packets: same.packets + drop.packets });
}

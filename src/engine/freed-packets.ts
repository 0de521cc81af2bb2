// SPDX-License-Identifier: Apache-2.0
// Packets that belong to no queue when the kernel frees them, by device: lost before tun, freed by it, or refused by the host behind it.
import { layoutOf } from '../kernel/layout.ts';
import type { OtherDrop } from '../snapshot/device.ts';
import type { Probes } from './attach.ts';
import type { Generations } from './generations.ts';
import { HashEntries } from './hash-entries.ts';
import { LABELLED_LOCATIONS } from './locations.ts';
import type { LoadedPrograms } from './programs.ts';

type ByDevice = ReadonlyMap<bigint, readonly OtherDrop[]>;

export class FreedPackets {
  readonly #probes: Pick<Probes, 'symbols'>;
  readonly #generations: Generations;
  readonly #reasons: LoadedPrograms['reasons'];
  readonly #entries: HashEntries;
  readonly #at: Readonly<Record<'device_id' | 'location' | 'reason' | 'from_guest', number>>;
  #towards: ByDevice = new Map();
  #fromGuest: ByDevice = new Map();

  constructor(
    probes: Pick<Probes, 'symbols'>,
    { object, reasons }: Pick<LoadedPrograms, 'object' | 'reasons'>,
    generations: Generations,
  ) {
    this.#probes = probes;
    this.#generations = generations;
    this.#reasons = reasons;
    this.#entries = new HashEntries(object, 'other_drops');
    this.#at = layoutOf(object.btf(), 'other_drop_key', ['device_id', 'location', 'reason', 'from_guest']).at;
  }

  /** Once a sample. */
  read(): void {
    const [towards, fromGuest] = [new Map<bigint, OtherDrop[]>(), new Map<bigint, OtherDrop[]>()];
    for (const { key, value } of this.#entries.read()) {
      const device = key.getBigUint64(this.#at.device_id, true);
      const drop = {
        reason: this.#reasons.name(key.getUint32(this.#at.reason, true)),
        location: labelOf(this.#probes, key.getBigUint64(this.#at.location, true)),
        packets: Number(value.getBigUint64(0, true)),
      };
      const isFromGuest = key.getUint32(this.#at.from_guest, true) !== 0;
      // Each device gets an entry towards it, so that it is known.
      const known = towards.get(device) ?? [];
      towards.set(device, isFromGuest ? known : plus(known, drop));
      if (isFromGuest) fromGuest.set(device, plus(fromGuest.get(device) ?? [], drop));
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
  }
}

/** The function that freed a packet, as a label: some have a name, the others are `other`. */
export function labelOf({ symbols }: Pick<Probes, 'symbols'>, location: bigint): string {
  const name = symbols()?.functionAt(location) ?? 'other';
  return LABELLED_LOCATIONS.has(name) ? name : 'other';
}

/** Several call sites of one function are one location. */
function plus(drops: OtherDrop[], drop: OtherDrop): OtherDrop[] {
  const known = drops.findIndex(({ reason, location }) => reason === drop.reason && location === drop.location);
  const same = drops[known];
  if (!same) return [...drops, drop];
  return drops.with(known, { ...same, packets: same.packets + drop.packets });
}

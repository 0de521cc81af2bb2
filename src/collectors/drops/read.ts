// SPDX-License-Identifier: Apache-2.0
// Packets that belong to no queue when the kernel frees them, by device: lost before tun, freed by it, or refused by the host behind it.
import type { Probes } from '../../engine/attach.ts';
import { LABELLED_LOCATIONS } from '../../engine/locations.ts';
import type { LoadedPrograms } from '../../engine/programs.ts';
import { OtherDrops } from '../../engine/rare-drops.ts';
import { sameWhereEqual } from '../../engine/same-where-equal.ts';
import type { OtherDrop } from '../../snapshot/device.ts';

type ByDevice = ReadonlyMap<bigint, readonly OtherDrop[]>;

export class FreedPackets {
  readonly #probes: Probes;
  readonly #reasons: LoadedPrograms['reasons'];
  readonly #drops: OtherDrops;
  #towards: ByDevice = new Map();
  #refused: ByDevice = new Map();

  constructor(probes: Probes, { object, reasons }: LoadedPrograms) {
    this.#probes = probes;
    this.#reasons = reasons;
    this.#drops = new OtherDrops(object);
  }

  /** Towards the device, or freed by tun; the host's own part is at `refusedByHost` until the next read. Equal lists are the same. */
  read(): ByDevice {
    const [towards, refused] = [new Map<bigint, OtherDrop[]>(), new Map<bigint, OtherDrop[]>()];
    for (const { deviceId, location, reason, packets, fromGuest } of this.#drops.read()) {
      const name = this.#probes.symbols()?.functionAt(location) ?? 'other';
      const drop = {
        reason: this.#reasons.name(reason),
        location: LABELLED_LOCATIONS.has(name) ? name : 'other',
        packets,
      };
      // Each device gets an entry towards it, so that it is known.
      const known = towards.get(deviceId) ?? [];
      towards.set(deviceId, fromGuest ? known : addTo(known, drop));
      if (fromGuest) refused.set(deviceId, addTo(refused.get(deviceId) ?? [], drop));
    }
    this.#refused = sameWhereEqual(this.#refused, refused);
    this.#towards = sameWhereEqual(this.#towards, towards);
    return this.#towards;
  }

  /** Packets from the guest or writer that tun passed on, and the host freed. */
  refusedByHost(device: bigint): readonly OtherDrop[] | undefined {
    return this.#refused.get(device);
  }

  remove(devices: ReadonlySet<bigint>): void {
    this.#drops.remove(devices);
  }
}

/** Several call sites of one function are one location. */
function addTo(drops: OtherDrop[], drop: OtherDrop): OtherDrop[] {
  const known = drops.findIndex(({ reason, location }) => reason === drop.reason && location === drop.location);
  const same = drops[known];
  if (!same) return [...drops, drop];
  return drops.with(known, { ...same, packets: same.packets + drop.packets });
}

// SPDX-License-Identifier: Apache-2.0
// Losses away from tun, second by second: of what a guest or writer sent, and of what was for one where only its address tells.
import type { Device, OtherDrop } from '../snapshot/device.ts';
import type { Loss, LossElsewhere } from '../snapshot/losses.ts';

type Place = Pick<Loss, 'where' | 'reason' | 'location' | 'packets'> & { readonly elsewhere?: LossElsewhere };

/** A device with its losses by place, since it was first seen. */
interface Book {
  readonly device: Device;
  readonly losses: ReadonlyMap<string, Place>;
}

/** Whether it is no protocol's ordinary end: of what the guest or writer sent. */
export type IsLoss = (drop: OtherDrop, device: Device) => boolean;

export class LossesElsewhere {
  readonly #isLoss: IsLoss;
  #books: ReadonlyMap<string, Book>;

  /** From `devices` on, losses count. */
  constructor(isLoss: IsLoss, devices: readonly Device[], namespaces: ReadonlyMap<number, string>) {
    this.#isLoss = isLoss;
    this.#books = this.#booksOf(devices, namespaces);
  }

  /** Since the last call. `known`: devices that were on the host then; one that was not followed begins with what it lost before. */
  sample(
    devices: readonly Device[],
    known: ReadonlySet<string>,
    namespaces: ReadonlyMap<number, string>,
  ): readonly (Place & { readonly device: Device })[] {
    const before = this.#books;
    this.#books = this.#booksOf(devices, namespaces);
    return [...this.#books].flatMap(([id, { device, losses }]) => {
      const last = before.get(id)?.losses;
      if (!last && known.has(id)) return [];
      return [...losses].flatMap(([place, loss]) => {
        const told = last?.get(place)?.packets ?? 0;
        // Counting may have begun anew meanwhile.
        const packets = loss.packets < told ? loss.packets : loss.packets - told;
        return packets > 0 ? [{ ...loss, device, packets }] : [];
      });
    });
  }

  #booksOf(devices: readonly Device[], namespaces: ReadonlyMap<number, string>): ReadonlyMap<string, Book> {
    return new Map(
      devices.map((device) => [device.id, { device, losses: lossesOf(device, namespaces, this.#isLoss) }]),
    );
  }
}

function lossesOf(device: Device, namespaces: ReadonlyMap<number, string>, isLoss: IsLoss): ReadonlyMap<string, Place> {
  const { receive, lostBeyond = [], surroundings, netns } = device;
  const sums = new Map<string, Place>();
  const add = (place: Place): void => {
    const key = `${place.where} ${place.reason} ${place.location} ${place.elsewhere?.netns} ${place.elsewhere?.device}`;
    sums.set(key, { ...place, packets: place.packets + (sums.get(key)?.packets ?? 0) });
  };
  for (const { reason, location, packets } of receive?.dropped ?? [])
    add({ where: 'written', reason, location, packets });
  const isTold = (drop: OtherDrop): boolean => isLoss(drop, device);
  for (const { reason, location, packets } of (receive?.refusedByHost ?? []).filter(isTold))
    add({ where: 'after', reason, location, packets });
  for (const { reason, location, packets, beyond } of lostBeyond.filter(isTold)) {
    const lostIn = beyond?.netns ?? netns;
    const elsewhere = { netns: lostIn, namespace: namespaces.get(lostIn), device: undefined };
    add({ where: 'beyond', reason, location, packets, elsewhere });
  }
  for (const { reason, location, packets, device: at } of surroundings?.lost ?? [])
    add({
      where: 'before',
      reason,
      location,
      packets,
      elsewhere: { netns, namespace: namespaces.get(netns), device: at },
    });
  return sums;
}

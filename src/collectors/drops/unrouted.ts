// SPDX-License-Identifier: Apache-2.0
// Packets that the host dropped before it chose an output device, by namespace, reason and function.
import type { Probes } from '../../engine/attach.ts';
import { HashEntries } from '../../engine/hash-entries.ts';
import { LABELLED_LOCATIONS } from '../../engine/locations.ts';
import type { LoadedPrograms } from '../../engine/programs.ts';
import { layoutOf } from '../../kernel/layout.ts';
import type { MapView } from '../../kernel/map-view.ts';
import type { UnroutedDrop } from '../../snapshot/snapshot.ts';

export class UnroutedDrops {
  readonly #probes: Probes;
  readonly #reasons: LoadedPrograms['reasons'];
  readonly #entries: HashEntries;
  readonly #at: Readonly<Record<'location' | 'reason' | 'netns', number>>;
  readonly #variables: MapView;
  readonly #totalAt: number;
  #total = 0;
  #read: readonly UnroutedDrop[] = [];

  constructor(probes: Probes, { object, reasons }: LoadedPrograms) {
    this.#probes = probes;
    this.#reasons = reasons;
    this.#entries = new HashEntries(object, 'unrouted_drops');
    this.#at = layoutOf(object.btf(), 'unrouted_drop_key', ['location', 'reason', 'netns']).at;
    this.#variables = object.mapView('.bss');
    this.#totalAt =
      object
        .btf()
        .variables('.bss')
        .find(({ name }) => name === 'unrouted_total')?.offset ?? 0;
  }

  /** The same list while no packet came to it, which costs no system call. undefined: drops before tun are not measured. */
  read(): readonly UnroutedDrop[] | undefined {
    if (!this.#probes.can('drops-before')) return undefined;
    const total = this.#variables.u32(this.#totalAt);
    if (total === this.#total) return this.#read;
    this.#total = total;
    const drops = new Map<string, UnroutedDrop>();
    for (const { key, value } of this.#entries.read()) {
      const name = this.#probes.symbols()?.functionAt(key.getBigUint64(this.#at.location, true)) ?? 'other';
      const drop = {
        netns: key.getUint32(this.#at.netns, true),
        reason: this.#reasons.name(key.getUint32(this.#at.reason, true)),
        location: LABELLED_LOCATIONS.has(name) ? name : 'other',
        packets: Number(value.getBigUint64(0, true)),
      };
      // Several call sites of one function are one location.
      const label = `${drop.netns} ${drop.reason} ${drop.location}`;
      drops.set(label, { ...drop, packets: drop.packets + (drops.get(label)?.packets ?? 0) });
    }
    this.#read = [...drops.values()];
    return this.#read;
  }
}

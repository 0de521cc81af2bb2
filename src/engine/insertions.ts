// SPDX-License-Identifier: Apache-2.0
// Whether anything may be in a hash map, by what its programs count as they put it in (bpf/insertions.bpf.h).
import { layoutOf } from '../kernel/layout.ts';
import type { MapView } from '../kernel/map-view.ts';
import type { BpfObject } from '../kernel/native.ts';

/** Where the two numbers of a map lie, in bytes. */
interface Counted {
  readonly view: MapView;
  readonly begunAt: number;
  readonly doneAt: number;
}

/** undefined: the programs of this map count nothing, so that it is read each time. */
export function insertionsOf(object: BpfObject, map: string): Insertions | undefined {
  const btf = object.btf();
  const variable = btf.variables('.bss').find(({ name }) => name === `${map}_insertions`);
  if (!variable) return undefined;
  const { at } = layoutOf(btf, 'insertions', ['begun', 'done']);
  const view = object.mapView('.bss');
  return new Insertions({ view, begunAt: variable.offset + at.begun, doneAt: variable.offset + at.done });
}

export class Insertions {
  readonly #counted: Counted;
  /** How many were begun when the map was found empty and none was on its way; undefined: something was or may have been there. */
  #foundEmpty: number | undefined;
  /** The same, found twice: a CPU that reorders stores may show `done` before the entry, but not for as long as a look takes. */
  #emptySince: number | undefined;

  constructor(counted: Counted) {
    this.#counted = counted;
  }

  /**
   * How many entries the map has: what `fill` says, or 0 without it. Exact: `done` is read before `begun`, so that if they are the same all
   * that was begun until the first of the two reads was in the map, and none on its way, before `fill` looked. If it found nothing, and
   * none was begun since, nothing is there. Entries that are taken out change nothing about that.
   */
  entries(fill: () => number): number {
    const { view, begunAt, doneAt } = this.#counted;
    const done = view.u32(doneAt);
    const begun = view.u32(begunAt);
    if (begun === this.#emptySince) return 0;
    const count = fill();
    const empty = count === 0 && begun === done ? begun : undefined;
    this.#emptySince = empty === this.#foundEmpty ? empty : undefined;
    this.#foundEmpty = empty;
    return count;
  }
}

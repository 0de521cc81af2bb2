// SPDX-License-Identifier: Apache-2.0
// How many packets vhost-net takes at once, by the number of the queue's row.
import { type Layout, layoutOf } from '../kernel/layout.ts';
import type { MapView } from '../kernel/map-view.ts';
import type { BpfObject } from '../kernel/native.ts';

/** Sums over the CPUs of one queue. */
export interface BatchSums {
  /** Batches by size, as BATCH_BOUNDS has them; the last are larger. */
  readonly sizes: number[];
  /** Packets in all batches. */
  packets: number;
}

/** Packets, at most, by slot of struct vhost_batches. */
export const BATCH_BOUNDS: readonly number[] = [1, 2, 4, 8, 16, 32, 64];

export class VhostBatches {
  readonly #view: MapView;
  readonly #layout: Layout<'sizes' | 'packets'>;

  constructor(object: BpfObject) {
    this.#view = object.mapView('vhost_batches');
    this.#layout = layoutOf(object.btf(), 'vhost_batches', ['sizes', 'packets']);
  }

  /** The memory in which the kernel counts, one record a row. */
  get records(): { readonly view: MapView; readonly begin: number; readonly size: number } {
    return { view: this.#view, begin: 0, size: this.#layout.size };
  }

  addTo(sums: BatchSums, row: number): void {
    const { at, size } = this.#layout;
    const base = row * size;
    for (let slot = 0; slot <= BATCH_BOUNDS.length; slot++)
      sums.sizes[slot] = (sums.sizes[slot] ?? 0) + this.#view.u64(base + at.sizes + slot * 8);
    sums.packets += this.#view.u64(base + at.packets);
  }
}

export function emptyBatchSums(): BatchSums {
  return { sizes: [...BATCH_BOUNDS.map(() => 0), 0], packets: 0 };
}

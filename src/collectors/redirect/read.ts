// SPDX-License-Identifier: Apache-2.0
// XDP frames that were redirected into rings, past the transmit function: they enter the ring with the packets of its row.

import { HashEntries } from '../../engine/hash-entries.ts';
import { type DeviceSums, emptySums } from '../../engine/queue-sums.ts';
import type { RowsRead } from '../../engine/rows.ts';
import type { WalkedDevice } from '../../engine/walk.ts';
import { layoutOf } from '../../kernel/layout.ts';
import type { MapView } from '../../kernel/map-view.ts';
import type { BpfObject } from '../../kernel/native.ts';
import type { RedirectCount } from './state.ts';

const COUNTS = ['enqueued', 'lost', 'short_calls', 'purged', 'resized'] as const;

/** Redirected frames by device; each count names its queue. */
export type RedirectsRead = ReadonlyMap<bigint, readonly RedirectCount[]>;

export class Redirects {
  readonly #entries: HashEntries;
  readonly #variables: MapView;
  readonly #haveComeAt: number;
  readonly #at: Readonly<Record<'device_id' | 'queue', number>>;
  readonly #value: Readonly<Record<(typeof COUNTS)[number], number>>;

  constructor(object: BpfObject) {
    const btf = object.btf();
    this.#entries = new HashEntries(object, 'redirects');
    this.#variables = object.mapView('.bss');
    this.#haveComeAt = btf.variables('.bss').find(({ name }) => name === 'frames_have_come')?.offset ?? 0;
    this.#at = layoutOf(btf, 'redirect_key', ['device_id', 'queue']).at;
    this.#value = layoutOf(btf, 'redirects', COUNTS).at;
  }

  /** On most hosts XDP redirects nothing: then it costs no system call. */
  read(): RedirectsRead {
    const devices = new Map<bigint, RedirectCount[]>();
    if (this.#variables.u32(this.#haveComeAt) === 0) return devices;
    for (const { key, value } of this.#entries.read()) {
      const frames = (name: (typeof COUNTS)[number]): number => Number(value.getBigUint64(this.#value[name], true));
      const device = key.getBigUint64(this.#at.device_id, true);
      const count = {
        queue: key.getUint32(this.#at.queue, true),
        enqueued: frames('enqueued'),
        lost: frames('lost'),
        shortCalls: frames('short_calls'),
        purged: frames('purged'),
        resized: frames('resized'),
      };
      devices.set(device, [...(devices.get(device) ?? []), count]);
    }
    return devices;
  }

  remove(devices: ReadonlySet<bigint>): void {
    this.#entries.removeWhere((key) => devices.has(key.getBigUint64(this.#at.device_id, true)));
  }
}

/** The rows with the frames that entered and left their rings. */
export function withFrames(rows: RowsRead, frames: RedirectsRead): RowsRead {
  if (frames.size === 0) return rows;
  const devices = new Map(rows.devices);
  for (const [id, counts] of frames) devices.set(id, addFrames(devices.get(id) ?? new Map(), counts, rows.slots));
  return { ...rows, devices };
}

function addFrames(sums: DeviceSums, counts: readonly RedirectCount[], slots: number): DeviceSums {
  const queues = new Map(sums);
  for (const { queue, enqueued, purged, resized } of counts) {
    const own = queues.get(queue) ?? emptySums(slots);
    queues.set(queue, {
      ...own,
      redirected: enqueued,
      enqueued: own.enqueued + enqueued,
      purged: own.purged + purged,
      resized: own.resized + resized,
    });
  }
  return queues;
}

/** tx_dropped without the frames in it: the accounting compares the rest with drops of packets. */
export function withoutFrames(walked: WalkedDevice, redirected: readonly RedirectCount[]): WalkedDevice {
  const frames = redirected.reduce((sum, { shortCalls }) => sum + shortCalls, 0);
  return { ...walked, counters: { ...walked.counters, txDropped: walked.counters.txDropped - frames } };
}

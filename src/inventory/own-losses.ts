// SPDX-License-Identifier: Apache-2.0
// What our own programs missed or could not count where it belongs.
import { isRealtime } from '../kernel/host.ts';
import type { MapView } from '../kernel/map-view.ts';
import type { BpfObject } from '../kernel/native.ts';
import type { LostEvents, ProbeState } from '../snapshot.ts';

/** Variables lost_… of the BPF object. */
const LOST = [
  'no_row',
  'ending_device',
  'reason',
  'histogram',
  'before',
  'no_device',
  'event',
  'receive',
  'redirect',
  'macvtap',
];

/**
 * Events whose missed runs leave the books right. `freed` runs for every freed packet of the host: what it missed was
 * mostly nobody's of ours, and the audit sees the rest. `departures` sees the whole way of the ring next time. `refused` and `receive-batches` watch the way from the guest.
 */
export const BESIDE_THE_BOOKS: ReadonlySet<string> = new Set([
  'freed',
  'departures',
  'vhost-departures',
  'batches',
  'buffers',
  'zerocopy',
  'allocation',
  'refused',
  'receive-batches',
]);

export class OwnLosses {
  readonly #globals: Globals;
  readonly #realtime = isRealtime();

  constructor(object: BpfObject) {
    this.#globals = new Globals(object);
  }

  events(): readonly LostEvents[] {
    return LOST.map((cause) => ({ cause, events: this.#globals.u64(`lost_${cause}`) }));
  }

  /** What the probes themselves missed may have been any queue's. */
  sentences(probes: readonly ProbeState[]): readonly string[] {
    const rowless = this.#globals.u64('lost_no_row');
    const counting = probes.filter(({ event }) => !BESIDE_THE_BOOKS.has(event));
    const missed = counting.reduce((sum, state) => sum + state.missed, 0);
    return [
      ...(this.#realtime ? ['this is a PREEMPT_RT kernel: a packet that preempts another on its CPU may hide it'] : []),
      ...(rowless > 0 ? [`${rowless} packets of some queues found no free row of counters`] : []),
      ...(missed > 0 ? [`the kernel skipped ${missed} runs of our probes`] : []),
    ];
  }
}

/** Variables of the BPF object's .bss by name. */
class Globals {
  readonly #view: MapView;
  readonly #offsets: ReadonlyMap<string, number>;

  constructor(object: BpfObject) {
    this.#view = object.mapView('.bss');
    this.#offsets = new Map(
      object
        .btf()
        .variables('.bss')
        .map(({ name, offset }) => [name, offset]),
    );
  }

  u64(name: string): number {
    return this.#view.u64(this.#offsets.get(name) ?? 0);
  }
}

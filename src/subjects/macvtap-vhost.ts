// SPDX-License-Identifier: Apache-2.0
// vhost-net behind a macvtap or ipvtap: what it holds, its worker, and what it sends for the guest without a copy. A part of the subject macvtap.
import { HashEntries } from '../engine/hash-entries.ts';
import { type ProbeEvent, WALK } from '../engine/mechanism.ts';
import { always, untraceable } from '../engine/unavailable.ts';
import type { WalkedBackend } from '../engine/walk.ts';
import { layoutOf } from '../kernel/layout.ts';
import type { BpfObject } from '../kernel/native.ts';
import type { Queue } from '../snapshot/queue.ts';
import type { WorkerAffinities } from './worker-affinity.ts';
import { copiesAll, zeroCopyOf } from './zerocopy-counts.ts';

const MAP = 'macvtap_zerocopy';

export const MACVTAP_ZEROCOPY: ProbeEvent = {
  name: 'macvtap-zerocopy',
  measures: 'packets that vhost-net sends for guests of macvtaps and ipvtaps without copying them',
  besideAccounts: true,
  mechanisms: [
    {
      name: 'fentry',
      provides: ['macvtap-zerocopy'],
      programs: ['macvtap_tried_fentry'],
      pins: true,
      // How each of them ends is seen by the programs of that event.
      needs: [...WALK, 'zerocopy=fentry|fentry-callback'],
      tradeoff: undefined,
      unavailable: (host) => copiesAll() ?? untraceable(host, 'tap_get_user', 4),
    },
    { name: 'none', programs: [], needs: [], tradeoff: 'it is not shown', unavailable: always },
  ],
};

/** By event of enum queue_event; what is not in it never happened. */
type Counts = ReadonlyMap<string, number>;

export class MacvtapZeroCopies {
  readonly #entries: HashEntries;
  readonly #at: Readonly<Record<'device_id' | 'queue' | 'event', number>>;
  readonly #names: ReadonlyMap<number, string>;
  #devices: ReadonlyMap<bigint, ReadonlyMap<number, Counts>> = new Map();

  constructor(object: BpfObject) {
    const btf = object.btf();
    this.#entries = new HashEntries(object, MAP);
    this.#at = layoutOf(btf, 'macvtap_zerocopy_key', ['device_id', 'queue', 'event']).at;
    const events = btf.enumValues('queue_event') ?? [];
    this.#names = new Map(events.map(({ name, value }) => [value, name.replace('EVENT_', '').toLowerCase()]));
  }

  read(): void {
    const devices = new Map<bigint, Map<number, Map<string, number>>>();
    for (const { key, value } of this.#entries.read()) {
      const device = key.getBigUint64(this.#at.device_id, true);
      const queue = key.getUint32(this.#at.queue, true);
      const queues = devices.get(device) ?? new Map<number, Map<string, number>>();
      const counts = queues.get(queue) ?? new Map<string, number>();
      counts.set(this.#names.get(key.getUint32(this.#at.event, true)) ?? '', Number(value.getBigUint64(0, true)));
      devices.set(device, queues.set(queue, counts));
    }
    this.#devices = devices;
  }

  /** Those of which something is counted. */
  devices(): Iterable<bigint> {
    return this.#devices.keys();
  }

  of(device: bigint, queue: number): Counts | undefined {
    return this.#devices.get(device)?.get(queue);
  }

  remove(devices: ReadonlySet<bigint>): void {
    this.#entries.removeWhere((key) => devices.has(key.getBigUint64(this.#at.device_id, true)));
  }
}

/** undefined: vhost-net is not connected, and never sent anything. Its buffers and batches are not counted here. */
export function vhostOf(
  backend: WalkedBackend | undefined,
  counts: Counts | undefined,
  affinities: Pick<WorkerAffinities, 'of'>,
): Queue['vhost'] {
  if (!backend && !counts) return undefined;
  const isZeroCopy = counts !== undefined || backend?.outstanding !== undefined;
  return {
    ...{
      held: backend?.held,
      worker: affinities.of(backend?.worker),
      batches: undefined,
      noBuffer: undefined,
      discarded: undefined,
    },
    zeroCopy: isZeroCopy ? zeroCopyOf((event) => counts?.get(event) ?? 0, backend?.outstanding) : undefined,
  };
}

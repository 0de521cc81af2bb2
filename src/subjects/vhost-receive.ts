// SPDX-License-Identifier: Apache-2.0
// The batches in which vhost-net hands packets over from the guest to the host, by queue.
import { byDevice, HashEntries } from '../engine/hash-entries.ts';
import { type ProbeEvent, WALK, WRITE_ENDS } from '../engine/mechanism.ts';
import type { OpenSubject, Parts, Subject } from '../engine/subject.ts';
import { always, untraceable } from '../engine/unavailable.ts';
import { layoutOf } from '../kernel/layout.ts';
import type { BpfObject } from '../kernel/native.ts';
import { full, histogram } from '../snapshot/metric.ts';
import { BATCH_BOUNDS } from '../snapshot/queue.ts';

const EVENTS: readonly ProbeEvent[] = [
  {
    name: 'receive-batches',
    measures: 'packets that vhost-net hands over from the guest, by queue and batch, and those that tun refuses',
    besideAccounts: true,
    mechanisms: [
      {
        name: 'fexit',
        provides: ['receive-batches', WRITE_ENDS],
        programs: ['sent_by_vhost_fexit'],
        pins: true,
        needs: WALK,
        tradeoff: undefined,
        unavailable: (host) => untraceable(host, 'tun_sendmsg', 3),
      },
      {
        name: 'none',
        programs: [],
        needs: [],
        tradeoff: 'packets from the guest per device only',
        unavailable: always,
      },
    ],
  },
];

interface BatchCount {
  readonly deviceId: bigint;
  readonly queue: number;
  readonly packets: number;
  /** Batches by the power of two that their packets do not exceed. */
  readonly sizes: readonly number[];
}

class ReceiveBatches {
  readonly #entries: HashEntries;
  readonly #at: Readonly<Record<'device_id' | 'queue', number>>;
  readonly #value: Readonly<Record<'packets' | 'sizes', number>>;
  readonly #sizes: number;

  constructor(object: BpfObject) {
    this.#entries = new HashEntries(object, 'receive_batches');
    const btf = object.btf();
    this.#at = layoutOf(btf, 'receive_batches_key', ['device_id', 'queue']).at;
    this.#value = layoutOf(btf, 'receive_batches', ['packets', 'sizes']).at;
    this.#sizes = btf.struct('receive_batches')?.fields.find(({ name }) => name === 'sizes')?.count ?? 0;
  }

  read(): readonly BatchCount[] {
    return this.#entries.read().map(({ key, value }) => ({
      deviceId: key.getBigUint64(this.#at.device_id, true),
      queue: key.getUint32(this.#at.queue, true),
      packets: Number(value.getBigUint64(this.#value.packets, true)),
      sizes: Array.from({ length: this.#sizes }, (_, i) => Number(value.getBigUint64(this.#value.sizes + 8 * i, true))),
    }));
  }

  remove(devices: ReadonlySet<bigint>): void {
    this.#entries.removeWhere((key) => devices.has(key.getBigUint64(this.#at.device_id, true)));
  }
}

function open({ probes: { can }, programs: { object }, generations }: Parts): OpenSubject {
  const receiveBatches = new ReceiveBatches(object);
  let batches: ReadonlyMap<bigint, readonly BatchCount[]> = new Map();
  const batchesOf = (id: bigint): readonly BatchCount[] => (can('receive-batches') ? (batches.get(id) ?? []) : []);
  return {
    read: () => {
      batches = generations.compare(batches, byDevice(receiveBatches.read()));
    },
    queuesOf: ({ id }) => batchesOf(id).map(({ queue }) => queue),
    queue: ({ index, device: { walked } }) => {
      const sent = batchesOf(walked.id).find(({ queue }) => queue === index);
      return sent ? { receiveBatches: { bounds: BATCH_BOUNDS, buckets: sent.sizes, sum: sent.packets } } : {};
    },
    devices: () => batches.keys(),
    remove: (gone) => receiveBatches.remove(gone),
  };
}

export const vhostReceive: Subject = {
  name: 'vhost-receive',
  events: EVENTS,
  open,
  direction: 'receive',
  metrics: {
    queue: [
      full(
        histogram(
          'tapscope_vhost_receive_batch_packets',
          'Packets in each batch that vhost-net handed over from the guest by this queue (frames of one tun_sendmsg); packets too large for a batch are in receive_packets only. Absent until there was one.',
          ({ receiveBatches }) => receiveBatches,
        ),
      ),
    ],
  },
};

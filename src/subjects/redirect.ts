// SPDX-License-Identifier: Apache-2.0
// XDP frames that are redirected into rings, past the transmit function: they enter the ring with the packets of its row.
import { HashEntries } from '../engine/hash-entries.ts';
import { type ProbeEvent, WALK } from '../engine/mechanism.ts';
import { type DeviceSums, emptySums } from '../engine/queue-sums.ts';
import type { RowsRead } from '../engine/rows.ts';
import type { OpenSubject, Parts, Subject } from '../engine/subject.ts';
import { always, untraceable } from '../engine/unavailable.ts';
import { layoutOf } from '../kernel/layout.ts';
import type { BpfObject } from '../kernel/native.ts';
import { counter } from '../snapshot/metric.ts';

const EVENTS: readonly ProbeEvent[] = [
  {
    name: 'redirected',
    measures: 'frames that XDP redirects into the rings, past the transmit function',
    mechanisms: [
      {
        name: 'fexit',
        programs: ['redirected_fexit', 'purged_frames_fentry', 'resized_frames_fentry'],
        pins: true,
        needs: WALK,
        tradeoff: undefined,
        unavailable: (host) =>
          untraceable(host, 'tun_xdp_xmit', 4) ??
          untraceable(host, 'tun_queue_purge', 1) ??
          untraceable(host, 'tun_device_event', 3),
      },
      {
        name: 'raw-tracepoint',
        programs: ['redirected_raw'],
        needs: WALK,
        tradeoff: 'frames thrown out of a ring are not seen; every bulk that XDP redirects on the host pays for it',
        unavailable: always,
      },
    ],
  },
];

/** Frames of one queue. */
interface RedirectCount {
  readonly queue: number;
  readonly enqueued: number;
  /** No room in the ring. */
  readonly lost: number;
  /** Calls that lost some: so many of `lost` are in the kernel's tx_dropped. */
  readonly shortCalls: number;
  readonly purged: number;
  readonly resized: number;
}

const COUNTS = ['enqueued', 'lost', 'short_calls', 'purged', 'resized'] as const;

/** Redirected frames by device; each count names its queue. */
type RedirectsRead = ReadonlyMap<bigint, readonly RedirectCount[]>;

class Redirects {
  readonly #entries: HashEntries;
  readonly #at: Readonly<Record<'device_id' | 'queue', number>>;
  readonly #value: Readonly<Record<(typeof COUNTS)[number], number>>;

  constructor(object: BpfObject) {
    const btf = object.btf();
    this.#entries = new HashEntries(object, 'redirects');
    this.#at = layoutOf(btf, 'redirect_key', ['device_id', 'queue']).at;
    this.#value = layoutOf(btf, 'redirects', COUNTS).at;
  }

  read(): RedirectsRead {
    const devices = new Map<bigint, RedirectCount[]>();
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

function open({ programs: { object }, generations }: Parts): OpenSubject {
  const redirects = new Redirects(object);
  let newest: RedirectsRead = new Map();
  /** Before the walk. */
  let shown = newest;
  const of = (id: bigint): readonly RedirectCount[] => shown.get(id) ?? [];
  return {
    addTo: (rows, isShown) => {
      newest = generations.compare(newest, redirects.read());
      if (isShown) shown = newest;
      return withFrames(rows, newest);
    },
    see: ({ id }) => ({ framesDropped: sum(of(id), ({ shortCalls }) => shortCalls) }),
    queue: ({ index, device: { walked } }) => ({ redirected: of(walked.id).find(({ queue }) => queue === index) }),
    device: ({ walked: { id } }) => {
      const frames = of(id);
      // The kernel counts one for each call, however many it lost.
      const uncounted = sum(frames, ({ lost, shortCalls }) => lost - shortCalls);
      return frames.length > 0 ? { uncounted: [{ cause: 'redirect', packets: uncounted }] } : {};
    },
    devices: () => newest.keys(),
    remove: (gone) => redirects.remove(gone),
  };
}

function sum(frames: readonly RedirectCount[], value: (count: RedirectCount) => number): number {
  return frames.reduce((total, count) => total + value(count), 0);
}

/** The rows with the frames that entered and left their rings. */
function withFrames(rows: RowsRead, frames: RedirectsRead): RowsRead {
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

export const redirect: Subject = {
  name: 'redirect',
  events: EVENTS,
  symbols: ['tun_xdp_xmit'],
  open,
  direction: 'transmit',
  metrics: {
    queue: [
      counter(
        'tapscope_queue_redirected_packets_total',
        'Frames towards the guest or reader that XDP redirected into the ring, past tun_net_xmit: in delivered, not in offered (tun_xdp_xmit). Absent until there was one.',
        ({ redirected }) => redirected?.enqueued,
      ),
      counter(
        'tapscope_queue_redirect_lost_packets_total',
        'Frames towards the guest or reader that XDP redirected to the ring and that had no room there; tx_dropped of the kernel grows by one per call, however many were lost (tun_xdp_xmit).',
        ({ redirected }) => redirected?.lost,
      ),
    ],
  },
};

// SPDX-License-Identifier: Apache-2.0
// vhost-net's side of a queue: packets that it holds, its batches, its worker; vhost-zerocopy.ts has what it sends for the guest without a copy. All of
// it is absent while vhost-net is not loaded.
import { type ProbeEvent, WALK } from '../engine/mechanism.ts';
import type { OpenSubject, Parts, Subject } from '../engine/subject.ts';
import { always, type Unavailable, untraceable } from '../engine/unavailable.ts';
import { type Host, miscDevice } from '../kernel/host.ts';
import { layoutOf } from '../kernel/layout.ts';
import { counter, directed, fromFirst, full, gauge, histogram, info, peak, series } from '../snapshot/metric.ts';
import { BATCH_BOUNDS, type VhostBatches } from '../snapshot/queue.ts';
import { dequeueTiming } from './dequeue-timing.ts';
import { ZEROCOPY, ZEROCOPY_SYMBOLS, zeroCopyMetrics } from './vhost-zerocopy.ts';
import { WorkerAffinities } from './worker-affinity.ts';
import { ZEROCOPY_EVENTS, zeroCopyOf } from './zerocopy-counts.ts';

/** The map of batches, with a struct of its name for each row. */
const BATCHES = 'vhost_batches';

const EVENTS: readonly ProbeEvent[] = [
  dequeueTiming('vhost-departures', 'vhost-net takes them', {
    programs: ['peeked_fexit'],
    tradeoff: 'a probe for each packet that a guest receives',
    unavailable: (host) => untraceable(host, 'vhost_net_buf_peek', 1),
  }),
  {
    name: 'returned',
    measures: 'packets that vhost-net took and gives back to the ring, which would count as consumed twice',
    mechanisms: [
      {
        name: 'fentry',
        provides: ['returned'],
        programs: ['unproduced_fentry'],
        pins: true,
        needs: WALK,
        tradeoff: undefined,
        unavailable: (host) => untraceable(host, 'vhost_net_buf_unproduce', 1),
      },
      {
        name: 'none',
        programs: [],
        needs: [],
        tradeoff: 'right while vhost-net is not loaded, and where consumed packets are derived',
        unavailable: always,
      },
    ],
  },
  {
    name: 'vhost',
    measures: 'packets that vhost-net holds of each queue, and its worker',
    mechanisms: [
      {
        name: 'fentry',
        provides: ['guests-at-once', 'guests'],
        programs: ['connected_fentry', 'vhost_queues'],
        pins: true,
        needs: WALK,
        tradeoff: undefined,
        unavailable: (host) => untraceable(host, 'vhost_net_buf_unproduce', 1) ?? notLoaded(host),
      },
      {
        name: 'iterator',
        provides: ['guests'],
        programs: ['vhost_queues'],
        needs: WALK,
        tradeoff: 'a guest is known some seconds after it was connected',
        unavailable: notLoaded,
      },
      {
        name: 'none',
        programs: [],
        needs: [],
        tradeoff: 'up to 64 packets of a queue count as delivered before they are',
        effect: 'inexact',
        unavailable: always,
      },
    ],
  },
  {
    name: 'batches',
    records: new Map([[BATCHES, BATCHES]]),
    measures: 'how many packets vhost-net takes at once',
    besideAccounts: true,
    mechanisms: [
      // consumed_vhost_fentry of `consumed` runs once for each batch.
      {
        name: 'consumed',
        provides: ['batches'],
        programs: [],
        needs: ['consumed=fentry|fentry-preempted'],
        tradeoff: undefined,
        unavailable: batchesOnly,
      },
      {
        name: 'fentry',
        provides: ['batches'],
        programs: ['batch_fentry'],
        pins: true,
        onDemand: true,
        needs: WALK,
        tradeoff: 'a probe for each packet; with several queues on Linux 7.x it misses some batches',
        effect: 'inexact',
        unavailable: (host) => untraceable(host, 'vhost_net_buf_peek', 1),
      },
      { name: 'none', programs: [], needs: [], tradeoff: 'sizes of batches are not shown', unavailable: always },
    ],
  },
  {
    name: 'buffers',
    measures: 'packets for which the guest had no buffer, and buffers that vhost-net gave back unused',
    besideAccounts: true,
    mechanisms: [
      {
        name: 'fentry',
        provides: ['buffers'],
        programs: ['discarded_fentry'],
        pins: true,
        needs: WALK,
        tradeoff: undefined,
        unavailable: (host) => untraceable(host, 'vhost_discard_vq_desc', 2, 3),
      },
      { name: 'none', programs: [], needs: [], tradeoff: 'neither is shown', unavailable: always },
    ],
  },
  ZEROCOPY,
];

function notLoaded(host: Host): Unavailable | undefined {
  const found = host.symbols?.address('vhost_net_release');
  return found === undefined ? { kind: 'absent', reason: 'vhost-net is not loaded' } : undefined;
}

function batchesOnly(host: Host): Unavailable | undefined {
  return untraceable(host, 'tun_wake_queue', 2);
}

/** Members of enum queue_event that are vhost-net's. */
const OWN_EVENTS = ['no_buffer', 'discarded', ...ZEROCOPY_EVENTS];

function open({ probes, programs, generations }: Parts): OpenSubject {
  const { can } = probes;
  const { at } = layoutOf(programs.object.btf(), BATCHES, ['sizes', 'packets']);
  const affinities = new WorkerAffinities();
  /** The version of the affinities that each device was shown with. */
  const shown = new Map<bigint, number>();
  let heldUnseen = false;
  /** The mechanism by which queues were last found. */
  let foundBy: string | undefined;
  return {
    read: () => {
      const now = miscDevice('vhost-net') !== undefined && !can('guests-at-once');
      if (now !== heldUnseen) generations.allChanged();
      heldUnseen = now;
    },
    see: (walked) => {
      affinities.see(walked);
      shown.set(walked.id, affinities.version);
      return { heldUnseen };
    },
    isAsSeen: ({ id }) => shown.get(id) === affinities.version,
    keepOnly: (present) => {
      affinities.keepOnly(present);
      for (const id of shown.keys()) if (!present.has(id)) shown.delete(id);
    },
    refresh: (holdersRead) => {
      const by = probes.mechanism('vhost');
      if ((holdersRead || by !== foundBy) && can('guests')) programs.objectOf('vhost_queues').iterate('vhost_queues');
      foundBy = by;
      return affinities.refresh(holdersRead);
    },
    // A queue that vhost-net never served has no series of it.
    queue: ({ sums, ring }) => {
      const walked = ring?.backend;
      if (!sums) return {};
      const words = sums.records.get(BATCHES);
      const hasServed = words?.some((word) => word > 0) || OWN_EVENTS.some((event) => sums.events.has(event));
      if (!walked && !hasServed) return {};
      const count = (event: string): number => sums.events.get(event) ?? 0;
      return {
        vhost: {
          held: walked?.held,
          worker: affinities.of(walked?.worker),
          batches: can('batches') ? batchesOf(words, at) : undefined,
          noBuffer: can('buffers') ? count('no_buffer') : undefined,
          discarded: can('buffers') ? count('discarded') : undefined,
          zeroCopy: can('zerocopy') ? zeroCopyOf(count, walked?.outstanding) : undefined,
        },
      };
    },
  };
}

/** `words`: the sums of the records of a queue's rows. */
function batchesOf(
  words: readonly number[] | undefined,
  at: Readonly<Record<'sizes' | 'packets', number>>,
): VhostBatches {
  const word = (offset: number): number => words?.[offset / 8] ?? 0;
  const buckets = Array.from({ length: BATCH_BOUNDS.length + 1 }, (_, slot) => word(at.sizes + 8 * slot));
  return { bounds: BATCH_BOUNDS, buckets, sum: word(at.packets) };
}

export const vhost: Subject = {
  name: 'vhost',
  events: EVENTS,
  modules: ['vhost_net', 'vhost'],
  symbols: ['vhost_net_release', 'vhost_net_buf_peek', 'vhost_discard_vq_desc', ...ZEROCOPY_SYMBOLS],
  open,
  direction: 'transmit',
  metrics: {
    queue: [
      full(
        gauge(
          'tapscope_vhost_held_packets',
          'Packets that vhost-net has taken out of the ring and not yet delivered to the guest (vhost_net_virtqueue.rxq, tail - head).',
          ({ vhost }) => vhost?.held,
        ),
      ),
      full(
        histogram(
          'tapscope_vhost_batch_packets',
          'Packets that vhost-net took out of the ring at once, at most 64 (tun_wake_queue; before Linux 7.3 vhost_net_buf_peek, on demand, when a batch was used up).',
          ({ vhost }) => vhost?.batches,
        ),
      ),
      fromFirst(
        counter(
          'tapscope_vhost_no_buffer_total',
          'How often vhost-net had a packet for the guest and found no buffer to put it in (vhost_discard_vq_desc of nothing, in handle_rx).',
          ({ vhost }) => vhost?.noBuffer,
        ),
      ),
      full(
        counter(
          'tapscope_vhost_discarded_buffers_total',
          'Buffers of the guest that vhost-net gave back unused: too few or too short for a packet, or the packet could not be written (vhost_discard_vq_desc in handle_rx).',
          ({ vhost }) => vhost?.discarded,
        ),
      ),
      full(
        info(
          'tapscope_vhost_worker_info',
          'Thread that moves the packets of the queue for vhost-net (vhost_virtqueue.worker).',
          ['tid', 'comm'],
          ({ vhost }) => (vhost?.worker ? [series(1, String(vhost.worker.tid), vhost.worker.comm)] : []),
        ),
      ),
      full(
        info(
          'tapscope_vhost_worker_affinity_info',
          'CPUs on which the thread of vhost-net may run (Cpus_allowed_list of /proc/TID/status).',
          ['tid', 'cpus'],
          ({ vhost: { worker } = {} }) =>
            worker?.allowedCpus === undefined ? [] : [series(1, String(worker.tid), worker.allowedCpus)],
        ),
      ),
      full(
        peak(
          'tapscope_vhost_worker_cpu',
          'CPU on which the thread of vhost-net runs, or ran last (task_struct); of several queues shown as one the highest.',
          ({ vhost }) => vhost?.worker?.cpu,
        ),
      ),
      full(
        counter(
          'tapscope_vhost_worker_cpu_seconds_total',
          'CPU time of the thread of vhost-net, which may serve several queues (task_struct.se.sum_exec_runtime).',
          ({ vhost }) => vhost?.worker?.seconds,
        ),
      ),
      ...zeroCopyMetrics.map((metric) => directed('receive', metric)),
    ],
  },
};

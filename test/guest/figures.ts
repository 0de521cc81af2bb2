// SPDX-License-Identifier: Apache-2.0
// What Prometheus gets of one device, as one object to hold against the truth.
import { freshSnapshot } from '../agent/agent-lab.ts';
import type { Agent, Metrics } from '../agent/serve-process.ts';

export interface Figures {
  readonly offered: number;
  /** Packets that tun dropped, by reason, without zeros. */
  readonly dropped: Readonly<Record<string, number>>;
  /** Packets delivered, by queue. */
  readonly delivered: Readonly<Record<string, number>>;
  readonly purged: number;
  readonly resized: number;
  /** Packets taken out of the rings; undefined: this kernel or mechanism does not count them. */
  readonly consumed: number | undefined;
  readonly failed: number;
  readonly overflowed: number;
  readonly waiting: number;
  /** Packets in tx_dropped that no program saw, shown as UNTRACED drops of tun. Several queues: known for the device only. */
  readonly unseenDropped: number;
  /** Packets in the kernel's tx_packets that no program saw. Several queues: known for the device only. */
  readonly unseenEnqueued: number;
  /** Packets lost before tun, for all reasons. */
  readonly before: number;
  /** The part of `before` that the kernel's tx_dropped may have too. */
  readonly beforeInTxDropped: number;
  readonly txPackets: number | undefined;
  readonly txDropped: number | undefined;
  /** Equations of the audit that were held against the kernel's counters. */
  readonly equations: readonly string[];
  /** The packets by which equations do not add up. */
  readonly imbalances: Readonly<Record<string, number>>;
  /** Marks on the device and its queues. */
  readonly degraded: number;
  /** Freed packets of the whole host that the kernel did not show to the probe: another run of it on that CPU had been preempted (7.x). */
  readonly missed: number;
}

const IMBALANCE = 'queue_audit_imbalance_packets';

export function figuresOf(metrics: Metrics, netns: number, device: string): Figures {
  const labels = { netns: String(netns), device };
  const by = (label: string, name: string): Readonly<Record<string, number>> =>
    metrics.by(label, `tapscope_${name}`, labels);
  const sum = (name: string): number => total(by('device', name));
  const unseen = by('outcome', 'device_unseen_packets_total');
  return {
    offered: sum('queue_offered_packets_total'),
    dropped: withoutZeros(by('reason', 'queue_dropped_packets_total')),
    delivered: by('queue', 'queue_delivered_packets_total'),
    purged: sum('queue_purged_packets_total'),
    resized: sum('queue_resized_packets_total'),
    consumed: sumOrNone(by('path', 'queue_consumed_packets_total')),
    failed: sum('queue_failed_packets_total'),
    overflowed: sum('queue_overflowed_packets_total'),
    waiting: sum('ring_occupancy_packets'),
    unseenDropped: unseen.dropped ?? 0,
    unseenEnqueued: unseen.enqueued ?? 0,
    before: sum('device_other_dropped_packets_total'),
    beforeInTxDropped: inTxDropped(metrics, labels),
    txPackets: metrics.value('tapscope_device_transmit_packets_total', labels),
    txDropped: metrics.value('tapscope_device_transmit_dropped_packets_total', labels),
    equations: Object.keys(by('equation', 'device_audit_imbalance_packets')),
    imbalances: withoutZeros(
      Object.assign(
        prefixed('device ', by('equation', 'device_audit_imbalance_packets')),
        // Each queue is checked on its own: one queue's surplus would hide what its neighbour lacks.
        ...Object.keys(by('queue', IMBALANCE)).map((queue) =>
          prefixed(`queue ${queue} `, metrics.by('equation', `tapscope_${IMBALANCE}`, { ...labels, queue })),
        ),
      ),
    ),
    degraded: sum('queue_degraded') + sum('device_degraded'),
    missed: total(metrics.by('mechanism', 'tapscope_probe_missed_total', { event: 'freed' })),
  };
}

/** Where the core drops, and why: written down once more, for the product's own list is under test. */
const CORE =
  /^(__dev_queue_xmit|__dev_direct_xmit|validate_xmit_skb|sch_direct_xmit|dev_hard_start_xmit|\w*kfree_skb_list\w*|other)$/;
const CORE_REASONS: readonly string[] = ['QDISC_DROP', 'DEV_READY', 'RECURSION_LIMIT', 'NOT_SPECIFIED'];

function inTxDropped(metrics: Metrics, labels: Readonly<Record<string, string>>): number {
  const name = 'tapscope_device_other_dropped_packets_total';
  const locations = Object.keys(metrics.by('location', name, labels)).filter((location) => CORE.test(location));
  const packets = (location: string): readonly number[] => {
    const byReason = metrics.by('reason', name, { ...labels, location });
    return CORE_REASONS.map((reason) => byReason[reason] ?? 0);
  };
  return locations.flatMap(packets).reduce((sum, count) => sum + count, 0);
}

/** Why the device is marked now, in the agent's words. */
export async function marksOf(agent: Agent, netns: number, device: string): Promise<readonly string[] | undefined> {
  const { devices } = await freshSnapshot(agent.socket);
  return devices.find((one) => one.netns === netns && one.name === device)?.degraded;
}

export function total(counts: Readonly<Record<string, number>>): number {
  return Object.values(counts).reduce((sum, count) => sum + count, 0);
}

function sumOrNone(counts: Readonly<Record<string, number>>): number | undefined {
  return Object.keys(counts).length > 0 ? total(counts) : undefined;
}

function withoutZeros(counts: Readonly<Record<string, number>>): Readonly<Record<string, number>> {
  return Object.fromEntries(Object.entries(counts).filter(([, count]) => count !== 0));
}

function prefixed(prefix: string, counts: Readonly<Record<string, number>>): Readonly<Record<string, number>> {
  return Object.fromEntries(Object.entries(counts).map(([name, count]) => [`${prefix}${name}`, count]));
}

type ByQueue = Readonly<Record<string, number>>;

export interface VhostFigures {
  readonly held: ByQueue;
  readonly unproduced: ByQueue;
  /** undefined: this kernel counts nothing as it is taken out of a ring. */
  readonly consumed: { readonly read: ByQueue; readonly vhost: ByQueue } | undefined;
  readonly noBuffer: ByQueue;
  readonly discarded: ByQueue;
  readonly batches: { readonly sum: ByQueue; readonly count: ByQueue; readonly all: ByQueue };
}

export function vhostFiguresOf(metrics: Metrics, netns: number, device: string): VhostFigures {
  const labels = { netns: String(netns), device };
  const by = (name: string, more: Readonly<Record<string, string>> = {}): ByQueue =>
    metrics.by('queue', `tapscope_${name}`, { ...labels, ...more });
  const consumed = (path: string): ByQueue => by('queue_consumed_packets_total', { path });
  return {
    held: by('vhost_held_packets'),
    unproduced: by('queue_unproduced_packets_total'),
    consumed:
      Object.keys(consumed('vhost')).length > 0 ? { read: consumed('read'), vhost: consumed('vhost') } : undefined,
    noBuffer: by('vhost_no_buffer_total'),
    discarded: by('vhost_discarded_buffers_total'),
    batches: {
      sum: by('vhost_batch_packets_sum'),
      count: by('vhost_batch_packets_count'),
      all: by('vhost_batch_packets_bucket', { le: '+Inf' }),
    },
  };
}

// SPDX-License-Identifier: Apache-2.0
// What Prometheus gets of vhost-net on one device, by queue.
import type { Metrics } from '../agent/serve-process.ts';

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

// SPDX-License-Identifier: Apache-2.0
// The catalogue's metric of where packets are allocated and freed.
import { counters, type Metric, series } from '../../metric.ts';
import type { Queue } from '../../snapshot/queue.ts';

/** Subject labels: netns, device, queue. */
export const allocationMetrics: readonly Metric<Queue>[] = [
  counters(
    'tapscope_queue_freed_packets_total',
    'Packets that the reader or guest got, by the CPU that allocated them: the same that frees them, or another (sk_buff.alloc_cpu at consume_skb in tun_do_read). deferred: given back to that CPU (skb_attempt_defer_free), with --mechanism allocation=fentry. The others also with allocation=tp_btf.',
    ['allocated_on'],
    ({ freed }) =>
      freed
        ? [
            series(freed.there, 'same'),
            series(freed.elsewhere, 'other'),
            ...(freed.deferred === undefined ? [] : [series(freed.deferred, 'deferred')]),
          ]
        : [],
  ),
];

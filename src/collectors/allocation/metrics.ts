// SPDX-License-Identifier: Apache-2.0
// The catalogue's metric of where packets are allocated and freed.
import { counters, type Metric, series } from '../../metric.ts';
import type { Queue } from '../../snapshot.ts';

/** Subject labels: netns, device, queue. */
export const allocationMetrics: readonly Metric<Queue>[] = [
  counters(
    'tapscope_queue_freed_packets_total',
    'Packets that the reader or guest got, by the CPU that allocated them: the same that frees them, or another (sk_buff.alloc_cpu at consume_skb in tun_do_read). Only with --mechanism allocation=tp_btf.',
    ['allocated_on'],
    (queue) => (queue.freed ? [series(queue.freed.there, 'same'), series(queue.freed.elsewhere, 'other')] : []),
  ),
];

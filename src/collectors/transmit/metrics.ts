// SPDX-License-Identifier: Apache-2.0
// The catalogue's metrics of a packet's way to the guest or reader: offered, dropped, taken, lost.
import { core, counter, counters, type Metric, series } from '../../metric.ts';
import type { Queue } from '../../snapshot/queue.ts';

/** Subject labels: netns, device, queue. */
export const transmitMetrics: readonly Metric<Queue>[] = [
  core(
    counter(
      'tapscope_queue_offered_packets_total',
      'Packets that the host transmitted to this queue, towards the guest or reader: what tun_net_xmit was asked to take.',
      (queue) => queue.counters?.offered,
    ),
  ),
  counter(
    'tapscope_queue_offered_bytes_total',
    'Bytes that the host transmitted to this queue, towards the guest or reader: skb->len of what tun_net_xmit was asked to take.',
    (queue) => queue.counters?.offeredBytes,
  ),
  core(
    counters(
      'tapscope_queue_dropped_packets_total',
      'Packets towards the guest or reader that tun_net_xmit freed instead of queueing, by kernel drop reason (enum skb_drop_reason); UNTRACED: no reason was seen.',
      ['reason'],
      (queue) => (queue.counters?.dropped ?? []).map(({ reason, packets }) => series(packets, reason)),
    ),
  ),
  counters(
    'tapscope_queue_consumed_packets_total',
    'Packets taken out of the ring, by read (read, recvmsg) or by vhost (in batches); what vhost gave back to the ring is in it (fentry __tun_wake_queue, Linux 7.3).',
    ['path'],
    ({ counters }) =>
      counters?.consumed ? [series(counters.consumed.read, 'read'), series(counters.consumed.vhost, 'vhost')] : [],
  ),
  core(
    counter(
      'tapscope_queue_delivered_packets_total',
      'Packets handed to the guest or reader successfully: taken from the ring and copied (tun_do_read, vhost), what ip -s link calls TX packets.',
      (queue) => queue.counters?.delivered,
    ),
  ),
  counter(
    'tapscope_queue_purged_packets_total',
    'Packets thrown out of the ring when the queue was detached or deleted, never seen by the guest or reader (tun_queue_purge); no kernel counter knows them.',
    (queue) => queue.counters?.purged,
  ),
  counter(
    'tapscope_queue_resized_packets_total',
    'Packets thrown out of the ring by a smaller txqueuelen, never seen by the guest or reader (tun_device_event, ptr_ring_resize_multiple); no kernel counter knows them.',
    (queue) => queue.counters?.resized,
  ),
  counter(
    'tapscope_queue_failed_packets_total',
    'Packets taken out of the ring by a reader whose buffer could not be filled, lost (tun_do_read); no kernel counter knows them.',
    (queue) => queue.counters?.failed,
  ),
  counter(
    'tapscope_queue_unproduced_packets_total',
    'Packets that vhost-net took and gave back, those lost for want of room included (vhost_net_buf_unproduce); consumed counts them again.',
    (queue) => queue.counters?.unproduced,
  ),
  counter(
    'tapscope_queue_overflowed_packets_total',
    'Packets that did not fit back into the ring when vhost returned them, lost (vhost_net_buf_unproduce); no kernel counter knows them.',
    (queue) => queue.counters?.overflowed,
  ),
];

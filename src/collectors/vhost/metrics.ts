// SPDX-License-Identifier: Apache-2.0
// The catalogue's metrics of vhost-net; a queue that it does not serve has none of them.
import { counter, counters, gauge, histogram, info, type Metric, peak, type Sample, series } from '../../metric.ts';
import type { Queue, ZeroCopy } from '../../snapshot/queue.ts';

/** Subject labels: netns, device, queue. */
export const vhostMetrics: readonly Metric<Queue>[] = [
  gauge(
    'tapscope_vhost_held_packets',
    'Packets that vhost-net has taken out of the ring and not yet delivered to the guest (vhost_net_virtqueue.rxq, tail - head).',
    ({ vhost }) => vhost?.held,
  ),
  histogram(
    'tapscope_vhost_batch_packets',
    'Packets that vhost-net took out of the ring at once, at most 64 (tun_wake_queue; before Linux 7.3 vhost_net_buf_peek, on demand, when a batch was used up).',
    ({ vhost }) => vhost?.batches,
  ),
  counter(
    'tapscope_vhost_no_buffer_total',
    'How often vhost-net had a packet for the guest and found no buffer to put it in (vhost_discard_vq_desc of nothing, in handle_rx).',
    ({ vhost }) => vhost?.noBuffer,
  ),
  counter(
    'tapscope_vhost_discarded_buffers_total',
    'Buffers of the guest that vhost-net gave back unused: too few or too short for a packet, or the packet could not be written (vhost_discard_vq_desc in handle_rx).',
    ({ vhost }) => vhost?.discarded,
  ),
  info(
    'tapscope_vhost_worker_info',
    'Thread that moves the packets of the queue for vhost-net (vhost_virtqueue.worker).',
    ['tid', 'comm'],
    ({ vhost }) => (vhost?.worker ? [series(1, String(vhost.worker.tid), vhost.worker.comm)] : []),
  ),
  peak(
    'tapscope_vhost_worker_cpu',
    'CPU on which the thread of vhost-net runs, or ran last (task_struct); of several queues shown as one the highest.',
    ({ vhost }) => vhost?.worker?.cpu,
  ),
  counter(
    'tapscope_vhost_worker_cpu_seconds_total',
    'CPU time of the thread of vhost-net, which may serve several queues (task_struct.se.sum_exec_runtime).',
    ({ vhost }) => vhost?.worker?.seconds,
  ),
  gauge(
    'tapscope_zerocopy_outstanding_packets',
    'Packets that the guest sent, and vhost-net did not copy, that are still on their way (vhost_net_ubuf_ref.refcount).',
    ({ vhost }) => vhost?.zeroCopy?.outstanding,
  ),
  counter(
    'tapscope_zerocopy_attempts_total',
    'Packets from the guest that vhost-net passed on without copying them (tun_get_user with msg_control); absent while experimental_zcopytx is off.',
    ({ vhost }) => vhost?.zeroCopy?.tried,
  ),
  counters(
    'tapscope_zerocopy_completed_total',
    'Attempts that are over, delivered or not: copied says whether they had to be copied on their way (vhost_zerocopy_complete).',
    ['copied'],
    ({ vhost }) => (vhost?.zeroCopy ? completed(vhost.zeroCopy) : []),
  ),
  counters(
    'tapscope_zerocopy_not_attempted_packets_total',
    'Packets from the guest that were copied at once although zero-copy is on. small: below 256 bytes; pending: too many are out; throttled: too many had to be copied after all; flush: while the memory table is changed (handle_tx_zerocopy).',
    ['cause'],
    ({ vhost }) => Object.entries(vhost?.zeroCopy?.notTried ?? {}).map(([cause, packets]) => series(packets, cause)),
  ),
];

function completed({ completed: { uncopied, copied } }: ZeroCopy): readonly Sample[] {
  return [series(uncopied, 'no'), series(copied, 'yes')];
}

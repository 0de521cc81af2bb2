// SPDX-License-Identifier: Apache-2.0
// The part of the catalogue about queues that are stopped instead of dropping (IFF_BACKPRESSURE). Subject labels: netns, device, queue.
import { core, counter, counters, gauge, histogram, type Metric, peak, series } from '../../metric.ts';
import { durations } from '../../metrics/distribution.ts';
import type { Queue } from '../../snapshot/queue.ts';

export const flowMetrics: readonly Metric<Queue>[] = [
  counter(
    'tapscope_queue_stops_total',
    'Times that the host stopped sending to the queue because its ring was full (DRV_XOFF of the netdev queue after tun_net_xmit).',
    ({ flow }) => flow?.stops,
  ),
  counter(
    'tapscope_queue_stops_inferred_total',
    'Stops that are known only by their wake: the reader made room before a probe could see the stop, or the stop began before the probes were attached.',
    ({ flow }) => flow?.stopsInferred,
  ),
  counters(
    'tapscope_queue_wakes_total',
    'Ends of stops by netif_tx_wake_queue. half: half of the ring was taken; empty: it was emptied; recheck: the sender itself found room; forced: TUNSETIFF, TUNSETQUEUE or a resize; detach: a queue left.',
    ['cause'],
    ({ flow }) => (flow?.wakes ?? []).map(({ cause, wakes }) => series(wakes, cause)),
  ),
  counter(
    'tapscope_queue_stops_unwoken_total',
    'Stops that ended without a wake: the device was set down (tun_net_close) or set up again.',
    ({ flow }) => flow?.stopsUnwoken,
  ),
  core(
    counter(
      'tapscope_queue_wakes_lost_total',
      'Wakes that were due and did not come: half of the ring had been taken or it was empty, under its lock (__tun_wake_queue).',
      ({ flow }) => flow?.wakesLost,
    ),
  ),
  counter(
    'tapscope_queue_wakes_elsewhere_total',
    'Wakes on another CPU than that of the newest packet’s sender (sk_buff.alloc_cpu): sending goes on where the reader runs.',
    ({ flow }) => flow?.wakesElsewhere,
  ),
  counter(
    'tapscope_queue_softirq_sent_packets_total',
    'Packets offered to the queue by the soft interrupt NET_TX instead of their sender, after a wake or because the sender had sent enough.',
    ({ flow }) => flow?.sentBySoftirq,
  ),
  gauge(
    'tapscope_queue_stopped',
    '1 while the host may not send to the queue because its ring is full (DRV_XOFF).',
    ({ flow }) => (flow === undefined ? undefined : Number(flow.stoppedForSeconds !== undefined)),
  ),
  core(
    peak(
      'tapscope_queue_stopped_for_seconds',
      'How long the queue has been stopped by now; 0: it is not; of several queues shown as one the longest.',
      ({ flow }) => flow && (flow.stoppedForSeconds ?? 0),
    ),
  ),
  counter(
    'tapscope_queue_stopped_seconds_total',
    'Time for which the host could not send to the queue because its ring was full; the present stop is in it.',
    ({ flow }) => flow?.stoppedSeconds,
  ),
  histogram('tapscope_queue_stop_duration_seconds', 'Time from a stop of the queue to its end.', ({ flow }) =>
    durations(flow?.stopDurations),
  ),
  histogram(
    'tapscope_queue_resume_latency_seconds',
    'Time from a wake of the queue to the next packet that is offered to it (netif_tx_wake_queue to tun_net_xmit).',
    ({ flow }) => durations(flow?.resumeLatencies),
  ),
];

// SPDX-License-Identifier: Apache-2.0
// The part of the catalogue about rings: how full they are, how long packets stay, what overflows. Subject labels: netns, device, queue.
import { core, counter, gauge, histogram, type Metric, peak } from '../../metric.ts';
import { durations, packets } from '../../metrics/distribution.ts';
import type { Queue } from '../../snapshot/queue.ts';

export const ringMetrics: readonly Metric<Queue>[] = [
  core(
    gauge(
      'tapscope_ring_capacity_packets',
      'Packets that the ring between host and reader can hold (tun_file.tx_ring.size).',
      (queue) => queue.ring?.capacity,
    ),
  ),
  core(
    gauge(
      'tapscope_ring_occupancy_packets',
      'Packets that wait in the ring for the guest or reader (tun_file.tx_ring, producer to consumer).',
      (queue) => queue.ring?.occupancy,
    ),
  ),
  gauge(
    'tapscope_ring_occupancy_highwater_packets',
    'Most packets that waited in the ring within the last one to two minutes: at most 31 too low where packets are counted when they are taken (fentry __tun_wake_queue, Linux 7.3; full rings exactly when they drop), else of one arrival in 128 and of each snapshot.',
    ({ ring }) => ring?.highwater,
  ),
  core(
    gauge(
      'tapscope_ring_lag_packets',
      'Slots of the ring that were consumed and not yet zeroed, which the host cannot fill (tun_file.tx_ring, consumer_tail to consumer_head).',
      ({ ring }) => ring?.lag,
    ),
  ),
  histogram(
    'tapscope_ring_arrival_occupancy_packets',
    'Packets in the ring when another was offered to it, of one packet in 128 (tun_net_xmit).',
    ({ history }) => packets(history?.arrivals),
  ),
  histogram(
    'tapscope_queue_sojourn_seconds',
    'Time from the offer of a packet (tun_net_xmit) until the guest or reader took it out of the ring (__tun_wake_queue; before Linux 7.3, on demand, tun_do_read and vhost_net_buf_peek), of one packet in 256.',
    ({ history }) => durations(history?.sojourn),
  ),
  histogram(
    'tapscope_ring_overflow_burst_packets',
    'Packets dropped in a row because the ring was full, until one was taken (tun_net_xmit); the present burst is not in it.',
    ({ history }) => packets(history?.overflow?.bursts),
  ),
  counter(
    'tapscope_ring_overflow_episodes_total',
    'Times that the ring overflowed and was empty again afterwards (tun_file.tx_ring).',
    ({ history }) => history?.overflow?.episodes,
  ),
  peak(
    'tapscope_ring_overflow_needed_packets',
    'Ring size (txqueuelen) that would have held the largest overflow that ended within the last one to two minutes; 0: none ended; of several queues shown as one the largest.',
    ({ history }) => history?.overflow?.needed,
  ),
  gauge(
    'tapscope_ring_overflow_open_packets',
    'Packets dropped since the ring was last empty; while it grows and the ring is never empty, no ring size helps.',
    ({ history }) => history?.overflow?.openPackets,
  ),
  peak(
    'tapscope_ring_overflow_open_seconds',
    'Time since the first of the packets that were dropped since the ring was last empty; of several queues shown as one the longest.',
    ({ history }) => history?.overflow?.openSeconds,
  ),
];

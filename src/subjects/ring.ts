// SPDX-License-Identifier: Apache-2.0
// The ring of a queue: how full it is, how long packets stay, what overflows. Packets leave it under its lock from Linux 7.3 on; before, the ring is
// looked at when the call that took them ends.
import type { ProbeEvent } from '../engine/mechanism.ts';
import type { QueueSums } from '../engine/queue-sums.ts';
import { type SharedSums, secondsSince } from '../engine/shared-rows.ts';
import type { OpenSubject, Parts, Subject } from '../engine/subject.ts';
import { untraceable } from '../engine/unavailable.ts';
import type { WalkedQueue } from '../engine/walk.ts';
import { core, counter, durations, fromFirst, full, gauge, histogram, packets, peak } from '../snapshot/metric.ts';
import { NO_OBSERVATIONS, type Observations, type Overflow, type Ring, type RingHistory } from '../snapshot/queue.ts';
import { dequeueTiming } from './dequeue-timing.ts';

const EVENTS: readonly ProbeEvent[] = [
  dequeueTiming('departures', 'they are read', {
    programs: ['read_fexit'],
    tradeoff: 'a probe for each packet that is read; where several readers share a queue some times are not taken',
    effect: 'inexact',
    unavailable: (host) => untraceable(host, 'tun_do_read', 5),
  }),
];

function open({ probes: { can } }: Parts): OpenSubject {
  const sees = () => can('offers') || can('dequeues');
  return {
    // An episode of drops goes on: how long it lasts grows without anything being written.
    changesWithTime: (_, sums) =>
      [...sums.values()].some(({ shared }) => shared !== undefined && shared.episodeDrops > 0),
    queue: ({ ring, sums, device: { nowNs } }) => ({
      ring: ring && ringOf(ring, sees() ? sums : undefined),
      history: sums && historyOf(sums, { arrivals: can('offers'), departures: can('dequeue-timing'), nowNs }),
    }),
  };
}

function ringOf({ capacity, occupancy, lag }: WalkedQueue, sums: QueueSums | undefined): Ring {
  // The programs' figure is older than the walk's.
  const highwater = sums?.shared && Math.max(sums.shared.highwater, occupancy);
  return { capacity, occupancy, lag, highwater };
}

/** `arrivals`: each packet is seen when it is offered; `departures`: packets are seen when they are taken; `nowNs`: CLOCK_MONOTONIC. */
function historyOf(
  sums: QueueSums,
  { arrivals, departures, nowNs }: { readonly arrivals: boolean; readonly departures: boolean; readonly nowNs: number },
): RingHistory {
  const { shared } = sums;
  const seen = (kind: string): Observations => shared?.histograms?.get(kind) ?? NO_OBSERVATIONS;
  return {
    arrivals: arrivals ? seen('OCCUPANCY') : undefined,
    sojourn: arrivals && departures ? seen('SOJOURN') : undefined,
    overflow: arrivals ? overflowOf(shared, seen, nowNs) : undefined,
  };
}

function overflowOf(shared: SharedSums | undefined, seen: (kind: string) => Observations, nowNs: number): Overflow {
  const openPackets = shared?.episodeDrops ?? 0;
  return {
    bursts: seen('BURST'),
    episodes: shared?.episodes ?? 0,
    sizes: { episodes: seen('EPISODE').buckets, dropped: seen('EPISODE_DROPS').buckets },
    needed: shared?.needed ?? 0,
    openPackets,
    openSeconds: shared && openPackets > 0 ? secondsSince(shared.episodeSince, nowNs) : 0,
  };
}

export const ring: Subject = {
  name: 'ring',
  events: EVENTS,
  open,
  direction: 'transmit',
  metrics: {
    queue: [
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
      full(
        gauge(
          'tapscope_ring_lag_packets',
          'Slots of the ring that were consumed and not yet zeroed, which the host cannot fill (tun_file.tx_ring, consumer_tail to consumer_head).',
          ({ ring }) => ring?.lag,
        ),
      ),
      full(
        histogram(
          'tapscope_ring_arrival_occupancy_packets',
          'Packets in the ring when another was offered to it, of one packet in 128 (tun_net_xmit).',
          ({ history }) => packets(history?.arrivals),
        ),
      ),
      histogram(
        'tapscope_queue_sojourn_seconds',
        'Time from the offer of a packet (tun_net_xmit) until the guest or reader took it out of the ring (__tun_wake_queue; before Linux 7.3, on demand, tun_do_read and vhost_net_buf_peek), of one packet in 256.',
        ({ history }) => durations(history?.sojourn),
      ),
      full(
        histogram(
          'tapscope_ring_overflow_burst_packets',
          'Packets dropped in a row because the ring was full, until one was taken (tun_net_xmit); the present burst is not in it.',
          ({ history }) => packets(history?.overflow?.bursts),
        ),
      ),
      full(
        counter(
          'tapscope_ring_overflow_episodes_total',
          'Times that the ring overflowed and was empty again afterwards (tun_file.tx_ring).',
          ({ history }) => history?.overflow?.episodes,
        ),
      ),
      fromFirst(
        peak(
          'tapscope_ring_overflow_needed_packets',
          'Ring size (txqueuelen) that would have held the largest overflow that ended within the last one to two minutes; 0: none ended; of several queues shown as one the largest.',
          ({ history }) => history?.overflow?.needed,
        ),
      ),
      full(
        gauge(
          'tapscope_ring_overflow_open_packets',
          'Packets dropped since the ring was last empty; while it grows and the ring is never empty, no ring size helps.',
          ({ history }) => history?.overflow?.openPackets,
        ),
      ),
      full(
        peak(
          'tapscope_ring_overflow_open_seconds',
          'Time since the first of the packets that were dropped since the ring was last empty; of several queues shown as one the longest.',
          ({ history }) => history?.overflow?.openSeconds,
        ),
      ),
    ],
  },
};

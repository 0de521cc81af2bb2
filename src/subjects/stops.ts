// SPDX-License-Identifier: Apache-2.0
// Queues that are stopped instead of dropping (IFF_BACKPRESSURE).
import type { ProbeEvent } from '../engine/mechanism.ts';
import { sumOf } from '../engine/queue-sums.ts';
import { type SharedSums, secondsSince, wakeCauses } from '../engine/shared-rows.ts';
import type { OpenSubject, Parts, Subject } from '../engine/subject.ts';
import { untraceable, withoutSymbols } from '../engine/unavailable.ts';
import {
  core,
  counter,
  counters,
  durations,
  fromFirst,
  full,
  gauge,
  histogram,
  peak,
  series,
} from '../snapshot/metric.ts';
import { type AuditResult, type Flow, NO_OBSERVATIONS } from '../snapshot/queue.ts';

const EVENTS: readonly ProbeEvent[] = [
  {
    name: 'stops',
    measures: 'stops and wakes of queues that are stopped instead of dropping (IFF_BACKPRESSURE)',
    // It counts no packets, and is there for each wake of a network card and each softirq of the host: what it missed was mostly theirs. Missed ends of our
    // own stops come from the walk or the next wake; findings about stops say so.
    besideAccounts: true,
    demanded: { by: 'backpressure', mechanisms: ['fentry'] },
    mechanisms: [
      {
        name: 'fentry',
        provides: ['stops', 'stops-possible'],
        programs: [
          'woken_fentry',
          'woken_fexit',
          'forced_fentry',
          'forced_fexit',
          'detached_fentry',
          'detached_fexit',
          'closed_fentry',
          'softirq_begun',
          'softirq_ended',
        ],
        pins: true,
        needs: ['consumed=fentry|fentry-preempted'],
        tradeoff: undefined,
        unavailable: (host) => untraceable(host, '__tun_wake_queue', 3) ?? untraceable(host, 'netif_tx_wake_queue', 1),
      },
      {
        name: 'waiting',
        provides: ['stops-possible'],
        programs: [],
        needs: ['consumed=fentry|fentry-preempted'],
        tradeoff: 'attached once a device has IFF_BACKPRESSURE, because every wake of a network card pays for it',
        unavailable: (host) => untraceable(host, '__tun_wake_queue', 3),
      },
      {
        name: 'none',
        programs: [],
        needs: [],
        tradeoff: 'there is nothing to see: before Linux 7.3 tun drops and never stops',
        effect: 'none',
        unavailable: (host) =>
          withoutSymbols(host) ??
          (host.symbols?.address('__tun_wake_queue') === undefined
            ? undefined
            : { kind: 'absent', reason: 'this kernel can stop queues' }),
      },
    ],
  },
];

function open({ probes: { can }, programs: { object } }: Parts): OpenSubject {
  const causes = wakeCauses(object.btf());
  return {
    changesWithTime: (_, sums) =>
      [...sums.values()].some(({ shared }) => shared !== undefined && shared.stoppedSince > 0),
    queue: ({ sums, device: { nowNs } }) => {
      if (!sums?.shared?.flowWatched) return {};
      const flow = flowOf(sums.shared, causes, nowNs, sums.sentBySoftirq);
      return { flow, audit: [auditOf(flow)] };
    },
    device: ({ sums }) => {
      if (!can('stops-possible')) return {};
      // Flow control is the device's flag, and its loss is seen on each of its queues.
      return {
        flowControlLost: Math.max(0, ...[...(sums?.values() ?? [])].map(({ shared }) => shared?.flowLost ?? 0)),
      };
    },
  };
}

export function flowOf(shared: SharedSums, causes: readonly string[], nowNs: number, sentBySoftirq: number): Flow {
  const stoppedFor = shared.stoppedSince > 0 ? secondsSince(shared.stoppedSince, nowNs) : undefined;
  return {
    stops: shared.stops,
    stopsInferred: shared.stopsInferred,
    wakes: causes.map((cause, number) => ({ cause, wakes: shared.wakes[number] ?? 0 })),
    stopsUnwoken: shared.stopsEnded,
    wakesLost: shared.wakesLost,
    wakesElsewhere: shared.wakesElsewhere,
    stoppedSeconds: shared.stoppedNs / 1e9 + (stoppedFor ?? 0),
    stoppedForSeconds: stoppedFor,
    stopDurations: shared.histograms?.get('STOPPED') ?? NO_OBSERVATIONS,
    resumeLatencies: shared.histograms?.get('RESUME') ?? NO_OBSERVATIONS,
    sentBySoftirq,
  };
}

/** Counts stops: each has ended, by a wake or without one, or goes on. */
function auditOf({ stops, stopsInferred, wakes, stopsUnwoken, stoppedForSeconds }: Flow): AuditResult {
  const ended = sumOf(wakes.map((one) => one.wakes)) + stopsUnwoken;
  return { equation: 'stops', imbalance: stops + stopsInferred - ended - Number(stoppedForSeconds !== undefined) };
}

export const stops: Subject = {
  name: 'stops',
  events: EVENTS,
  symbols: ['netif_tx_wake_queue', 'tun_force_wake_queue', 'tun_net_close'],
  open,
  direction: 'transmit',
  metrics: {
    queue: [
      counter(
        'tapscope_queue_stops_total',
        'Times that the host stopped sending to the queue because its ring was full (DRV_XOFF of the netdev queue after tun_net_xmit).',
        ({ flow }) => flow?.stops,
      ),
      full(
        counter(
          'tapscope_queue_stops_inferred_total',
          'Stops that are known only by their wake: the reader made room before a probe could see the stop, or the stop began before the probes were attached.',
          ({ flow }) => flow?.stopsInferred,
        ),
      ),
      full(
        counters(
          'tapscope_queue_wakes_total',
          'Ends of stops by netif_tx_wake_queue. half: half of the ring was taken; empty: it was emptied; recheck: the sender itself found room; forced: TUNSETIFF, TUNSETQUEUE or a resize; detach: a queue left.',
          ['cause'],
          ({ flow }) => (flow?.wakes ?? []).map(({ cause, wakes }) => series(wakes, cause)),
        ),
      ),
      full(
        counter(
          'tapscope_queue_stops_unwoken_total',
          'Stops that ended without a wake: the device was set down (tun_net_close) or set up again.',
          ({ flow }) => flow?.stopsUnwoken,
        ),
      ),
      core(
        fromFirst(
          counter(
            'tapscope_queue_wakes_lost_total',
            'Wakes that were due and did not come: half of the ring had been taken or it was empty, under its lock (__tun_wake_queue).',
            ({ flow }) => flow?.wakesLost,
          ),
        ),
      ),
      full(
        counter(
          'tapscope_queue_wakes_elsewhere_total',
          'Wakes on another CPU than that of the newest packet’s sender (sk_buff.alloc_cpu): sending goes on where the reader runs.',
          ({ flow }) => flow?.wakesElsewhere,
        ),
      ),
      full(
        counter(
          'tapscope_queue_softirq_sent_packets_total',
          'Packets offered to the queue by the soft interrupt NET_TX instead of their sender, after a wake or because the sender had sent enough.',
          ({ flow }) => flow?.sentBySoftirq,
        ),
      ),
      full(
        gauge(
          'tapscope_queue_stopped',
          '1 while the host may not send to the queue because its ring is full (DRV_XOFF).',
          ({ flow }) => (flow === undefined ? undefined : Number(flow.stoppedForSeconds !== undefined)),
        ),
      ),
      core(
        peak(
          'tapscope_queue_stopped_for_seconds',
          'How long the queue has been stopped by now; 0: it is not; of several queues shown as one the longest.',
          ({ flow }) => flow && (flow.stoppedForSeconds ?? 0),
        ),
        'fromFirst',
      ),
      counter(
        'tapscope_queue_stopped_seconds_total',
        'Time for which the host could not send to the queue because its ring was full; the present stop is in it.',
        ({ flow }) => flow?.stoppedSeconds,
      ),
      full(
        histogram('tapscope_queue_stop_duration_seconds', 'Time from a stop of the queue to its end.', ({ flow }) =>
          durations(flow?.stopDurations),
        ),
      ),
      full(
        histogram(
          'tapscope_queue_resume_latency_seconds',
          'Time from a wake of the queue to the next packet that is offered to it (netif_tx_wake_queue to tun_net_xmit).',
          ({ flow }) => durations(flow?.resumeLatencies),
        ),
      ),
    ],
    device: [
      core(
        fromFirst(
          counter(
            'tapscope_device_flow_control_lost_total',
            'Times that a program attached to the device without IFF_BACKPRESSURE and so cleared it for all (TUNSETIFF, tun_force_wake_queue).',
            (device) => device.flowControlLost,
          ),
        ),
      ),
    ],
  },
};

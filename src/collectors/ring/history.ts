// SPDX-License-Identifier: Apache-2.0
// What all CPUs counted together on one queue: the ring's history, stops and wakes.
import type { HistogramKind } from '../../engine/histograms.ts';
import type { QueueSums } from '../../engine/queue-sums.ts';
import type { SharedSums } from '../../engine/shared-rows.ts';
import type { Flow, Observations, Overflow, RingHistory } from '../../snapshot/queue.ts';

const NONE: Observations = { buckets: [], sum: 0 };

/** What the attached probes can tell. */
export interface Regard {
  /** Every packet is seen when it is offered. */
  readonly arrivals: boolean;
  /** Packets are seen when they are taken. */
  readonly departures: boolean;
  /** Why queues are woken, by number. */
  readonly wakeCauses: readonly string[];
  /** CLOCK_MONOTONIC, as the programs have it; no later than the rows were read. */
  readonly nowNs: number;
}

export function historyOf(sums: QueueSums, { arrivals, departures, nowNs }: Regard): RingHistory {
  const { shared } = sums;
  const seen = (kind: HistogramKind): Observations => shared?.histograms?.get(kind) ?? NONE;
  return {
    arrivals: arrivals ? seen('OCCUPANCY') : undefined,
    sojourn: arrivals && departures ? seen('SOJOURN') : undefined,
    overflow: arrivals ? overflowOf(shared, seen, nowNs) : undefined,
  };
}

function overflowOf(
  shared: SharedSums | undefined,
  seen: (kind: HistogramKind) => Observations,
  nowNs: number,
): Overflow {
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

/** undefined: its stops and wakes are not watched. */
export function flowOf({ shared, sentBySoftirq }: QueueSums, { wakeCauses, nowNs }: Regard): Flow | undefined {
  if (!shared?.flowWatched) return undefined;
  const stoppedFor = shared.stoppedSince > 0 ? secondsSince(shared.stoppedSince, nowNs) : undefined;
  return {
    stops: shared.stops,
    stopsInferred: shared.stopsInferred,
    wakes: wakeCauses.map((cause, number) => ({ cause, wakes: shared.wakes[number] ?? 0 })),
    stopsUnwoken: shared.stopsEnded,
    wakesLost: shared.wakesLost,
    wakesElsewhere: shared.wakesElsewhere,
    stoppedSeconds: shared.stoppedNs / 1e9 + (stoppedFor ?? 0),
    stoppedForSeconds: stoppedFor,
    stopDurations: shared.histograms?.get('STOPPED') ?? NONE,
    resumeLatencies: shared.histograms?.get('RESUME') ?? NONE,
    sentBySoftirq,
  };
}

function secondsSince(beganNs: number, nowNs: number): number {
  return Math.max(0, nowNs - beganNs) / 1e9;
}

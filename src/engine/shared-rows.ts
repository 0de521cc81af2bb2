// SPDX-License-Identifier: Apache-2.0
// Reads what all CPUs share of one queue.
import { type Layout, layoutOf } from '../kernel/layout.ts';
import type { MapView } from '../kernel/map-view.ts';
import type { BpfObject, Btf } from '../kernel/native.ts';
import { mergeHistograms, type QueueHistograms } from './histograms.ts';

/** CPU of a row that is shared: NO_CPU of bpf/rows/queue.bpf.h. */
export const NO_CPU = 0xffffffff;

const FIELDS = [
  'full_ring_drops',
  'episode_base',
  'episode_since',
  'episodes',
  'needed',
  'highwater',
  'stopped_since',
  'stopped_ns',
  'stops',
  'stops_inferred',
  'wakes',
  'wakes_elsewhere',
  'stops_ended',
  'flow_lost',
  'wakes_lost',
  'watch',
] as const;

/** More wakes than that within a microsecond each there are not. */
const STOP_TRIES = 8;

export interface SharedSums {
  /** Dropped since the ring was last empty; packets. */
  readonly episodeDrops: number;
  /** The time of the first of these drops; ns since boot. */
  readonly episodeSince: number;
  readonly episodes: number;
  /** The most that an episode of the last one to two minutes would have needed; packets, 0: there was none. */
  readonly needed: number;
  /** The highwater mark of the last one to two minutes; packets. */
  readonly highwater: number;
  /** ns since boot; 0: it is not stopped. */
  readonly stoppedSince: number;
  readonly stoppedNs: number;
  readonly stops: number;
  readonly stopsInferred: number;
  /** Wakes in the order of enum wake_cause. */
  readonly wakes: readonly number[];
  readonly wakesElsewhere: number;
  readonly stopsEnded: number;
  readonly flowLost: number;
  readonly wakesLost: number;
  /** The queue's stops and wakes are seen. */
  readonly flowWatched: boolean;
  readonly histograms: QueueHistograms | undefined;
}

export class SharedRows {
  readonly #causes: readonly string[];
  readonly #view: MapView;
  readonly #layout: Layout<(typeof FIELDS)[number]>;
  readonly #watchFlow: number;

  constructor(object: BpfObject, view: MapView) {
    const btf = object.btf();
    this.#view = view;
    this.#layout = layoutOf(btf, 'queue', FIELDS);
    this.#causes = wakeCauses(btf);
    const flow = btf.enumValues('queue_watch')?.find(({ name }) => name === 'WATCH_FLOW')?.value;
    if (flow === undefined || this.#causes.length === 0)
      throw new Error(
        "The BPF object does not say why queues are watched and woken: it is of another build. Run 'make bpf'.",
      );
    this.#watchFlow = flow;
  }

  /** `base`: byte offset of the row; `ended`: no program writes it any more, so that it knows what was, and not what is. */
  read(base: number, ended: boolean, histograms: QueueHistograms | undefined): SharedSums {
    const { at } = this.#layout;
    const view = this.#view;
    const u64 = (field: (typeof FIELDS)[number]): number => view.u64(base + at[field]);
    const sums = {
      episodeDrops: Math.max(0, u64('full_ring_drops') - u64('episode_base')),
      episodeSince: u64('episode_since'),
      episodes: u64('episodes'),
      needed: Math.max(u64('needed'), view.u64(base + at.needed + 8)),
      highwater: Math.max(view.u32(base + at.highwater), view.u32(base + at.highwater + 4)),
      stopsEnded: u64('stops_ended'),
      wakes: this.#causes.map((_, cause) => view.u64(base + at.wakes + 8 * cause)),
      wakesElsewhere: u64('wakes_elsewhere'),
      wakesLost: view.u32(base + at.wakes_lost),
      ...stopOf(u64),
      stopsInferred: u64('stops_inferred'),
      stops: u64('stops'),
      flowLost: view.u32(base + at.flow_lost),
      flowWatched: (view.u32(base + at.watch) & this.#watchFlow) !== 0,
      histograms,
    };
    return ended ? { ...sums, ...NOTHING_NOW } : sums;
  }
}

/** Why queues are woken, in small letters: the members of enum wake_cause by number. */
export function wakeCauses(btf: Btf): readonly string[] {
  const causes = btf.enumValues('wake_cause') ?? [];
  return causes.filter(({ name }) => name !== 'WAKE_CAUSES').map(({ name }) => name.replace('WAKE_', '').toLowerCase());
}

/**
 * A wake moves the time of its stop from one to the other: read before and after it, that time would be told twice, and the counter
 * fall at the next sample.
 */
export function stopOf(
  u64: (field: 'stopped_since' | 'stopped_ns') => number,
): Pick<SharedSums, 'stoppedSince' | 'stoppedNs'> {
  let stop = { stoppedSince: u64('stopped_since'), stoppedNs: u64('stopped_ns') };
  for (let tries = 0; tries < STOP_TRIES && u64('stopped_since') !== stop.stoppedSince; tries++)
    stop = { stoppedSince: u64('stopped_since'), stoppedNs: u64('stopped_ns') };
  return stop;
}

const NOTHING_NOW = {
  episodeDrops: 0,
  episodeSince: 0,
  needed: 0,
  highwater: 0,
  stoppedSince: 0,
  flowWatched: false,
};

/** Merges two rows of one queue: sums of what each counted, and the state of the row in use. */
export function mergeShared(one: SharedSums, other: SharedSums): SharedSums {
  return {
    episodeDrops: one.episodeDrops + other.episodeDrops,
    episodeSince: Math.max(one.episodeSince, other.episodeSince),
    episodes: one.episodes + other.episodes,
    needed: Math.max(one.needed, other.needed),
    highwater: Math.max(one.highwater, other.highwater),
    stoppedSince: Math.max(one.stoppedSince, other.stoppedSince),
    stoppedNs: one.stoppedNs + other.stoppedNs,
    stops: one.stops + other.stops,
    stopsInferred: one.stopsInferred + other.stopsInferred,
    wakes: one.wakes.map((wakes, cause) => wakes + (other.wakes[cause] ?? 0)),
    wakesElsewhere: one.wakesElsewhere + other.wakesElsewhere,
    stopsEnded: one.stopsEnded + other.stopsEnded,
    flowLost: one.flowLost + other.flowLost,
    wakesLost: one.wakesLost + other.wakesLost,
    flowWatched: one.flowWatched || other.flowWatched,
    histograms: mergeHistograms(one.histograms, other.histograms),
  };
}

/** `beganNs`, `nowNs`: ns of one clock. */
export function secondsSince(beganNs: number, nowNs: number): number {
  return Math.max(0, nowNs - beganNs) / 1e9;
}

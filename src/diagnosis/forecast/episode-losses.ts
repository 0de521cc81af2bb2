// SPDX-License-Identifier: Apache-2.0
// Predicts losses of a larger ring from the episodes of overflow at the present one.
import type { EpisodeSizes } from '../../snapshot/queue.ts';

/**
 * Episodes of one half octave. An episode that dropped D packets drops max(0, D − X) in a ring of X more slots, exactly: until the smaller
 * ring is empty, both have given the reader the same packets.
 */
export interface EpisodeGroup {
  readonly episodes: number;
  /** Together. */
  readonly dropped: number;
  /** Drops of one episode. */
  readonly least: number;
  readonly most: number;
}

/** The least number in a bucket of bpf/rows/histogram.bpf.h: n bits are in 2n and 2n + 1, by their second bit. */
function leastOf(bucket: number): number {
  const bits = bucket >> 1;
  return bits < 2 ? bits : 2 ** (bits - 1) + (bucket & 1) * 2 ** (bits - 2);
}

/** Groups of the episodes that ended between two samples, the smallest first. */
export function groupsBetween(before: EpisodeSizes | undefined, now: EpisodeSizes): readonly EpisodeGroup[] {
  const last = now.episodes.length - 1;
  return now.episodes.flatMap((_, bucket) => {
    const episodes = grownBy(before?.episodes[bucket], now.episodes[bucket]);
    const dropped = grownBy(before?.dropped[bucket], now.dropped[bucket]);
    const floor = leastOf(bucket);
    if (episodes <= 0 || dropped < episodes * floor) return [];
    const roof = bucket < last ? leastOf(nextOf(bucket)) - 1 : Number.POSITIVE_INFINITY;
    const most = Math.min(roof, dropped - (episodes - 1) * floor);
    const least = Math.max(floor, Number.isFinite(roof) ? dropped - (episodes - 1) * roof : floor);
    return [{ episodes, dropped, least, most }];
  });
}

/** Where a single bit leaves no second one, the odd bucket is never used. */
function nextOf(bucket: number): number {
  return bucket < 4 ? 2 * (bucket >> 1) + 2 : bucket + 1;
}

/** A new epoch counts from 0. */
function grownBy(from = 0, to = 0): number {
  return to >= from ? to - from : to;
}

/** `known`: the largest episode of the window, if that is known; of those of its group none dropped more. */
export function withLargest(groups: readonly EpisodeGroup[], known: number | undefined): readonly EpisodeGroup[] {
  const top = groups.at(-1);
  if (!top || known === undefined || known < top.dropped / top.episodes || known > top.most) return groups;
  return [...groups.slice(0, -1), { ...top, most: known }];
}

/** How many packets would have been lost with `more` slots. */
export function lostWith(groups: readonly EpisodeGroup[], more: number): number {
  return groups.reduce((sum, group) => sum + lostIn(group, more), 0);
}

/** Between what is lost if all dropped the same, and if each dropped the least or the most: what even sizes would. */
function lostIn({ episodes, dropped, least, most }: EpisodeGroup, more: number): number {
  if (more >= most) return 0;
  if (more <= least) return dropped - episodes * more;
  const alike = Math.max(0, dropped - episodes * more);
  const apart = ((dropped - episodes * least) / (most - least)) * (most - more);
  return (alike + apart) / 2;
}

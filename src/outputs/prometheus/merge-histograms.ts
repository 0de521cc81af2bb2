// SPDX-License-Identifier: Apache-2.0
// Histograms of several owners as one, bucket by bucket: what a member counted stays in the sums when it goes.
import { type Distribution, pushSample, type Sample, visitDistribution } from '../../snapshot/metric.ts';
import { forgetAbsent, type Member } from './member.ts';

export interface LastingHistogram {
  readonly bounds: readonly number[];
  readonly buckets: number[];
  /** By powers of two; undefined: the bounds are powers of two themselves. */
  readonly octaves: { readonly exponent: number; readonly counts: number[] } | undefined;
  sum: number;
  /** The last of each member. */
  readonly last: Map<string, Distribution>;
}

/** The members that have none. */
export function readHistogram<Value>(
  histograms: Map<string, LastingHistogram>,
  name: string,
  distribution: (of: Value) => Distribution | undefined,
  members: readonly Member<Value>[],
): readonly string[] {
  const uncounted: string[] = [];
  for (const { key, value } of members) {
    const now = distribution(value);
    if (now === undefined) uncounted.push(key);
    else {
      const into = histograms.get(name) ?? emptyLike(now);
      histograms.set(name, into);
      add(into, key, now);
    }
  }
  return uncounted;
}

function emptyLike({ bounds, octaves }: Distribution): LastingHistogram {
  const empty = octaves && { exponent: octaves.exponent, counts: [] };
  return { bounds, buckets: [], octaves: empty, sum: 0, last: new Map() };
}

function add(into: LastingHistogram, key: string, now: Distribution): void {
  const known = into.last.get(key);
  const before = known && hasFallen(known, now) ? undefined : known;
  addGrowth(into.buckets, now.buckets, before?.buckets);
  if (into.octaves && now.octaves) addGrowth(into.octaves.counts, now.octaves.counts, before?.octaves?.counts);
  into.sum += now.sum - (before?.sum ?? 0);
  into.last.set(key, now);
}

/** Its account began anew. */
function hasFallen(before: Distribution, now: Distribution): boolean {
  const isLess = (one: readonly number[] = [], other: readonly number[] = []) =>
    one.some((count, index) => (other[index] ?? 0) < count);
  return isLess(before.buckets, now.buckets) || isLess(before.octaves?.counts, now.octaves?.counts);
}

function addGrowth(into: number[], now: readonly number[], before: readonly number[] | undefined): void {
  for (let index = 0; index < now.length; index += 1)
    into[index] = (into[index] ?? 0) + (now[index] ?? 0) - (before?.[index] ?? 0);
}

/** Left out while a member that is there is not counted any more: then the sum is not known. */
export function samplesOfHistogram(
  histogram: LastingHistogram | undefined,
  members: readonly Member<unknown>[],
  uncounted: readonly string[],
): readonly Sample[] {
  if (histogram === undefined) return [];
  const { bounds, buckets, octaves, sum, last } = histogram;
  forgetAbsent(last, members);
  if (uncounted.some((key) => last.has(key))) return [];
  // Copies: a page in the making must not see the next one's.
  const merged = { bounds, buckets: [...buckets], sum };
  const seen = octaves ? { ...merged, octaves: { ...octaves, counts: [...octaves.counts] } } : merged;
  const samples: Sample[] = [];
  visitDistribution(samples, seen, pushSample);
  return samples;
}

// SPDX-License-Identifier: Apache-2.0
// Several subjects as one: the queues of a device, the devices beyond the series budget.
import type { Metric, Sample } from '../../metric.ts';
import type { Slices } from './slices.ts';
import type { LastingSum, Subject } from './subject.ts';

/** `key` names the member from scrape to scrape. */
export interface Member<Value> {
  readonly key: string;
  readonly value: Value;
}

export async function mergeSamples<Value>(
  metric: Metric<Value>,
  into: Subject,
  members: readonly Member<Value>[],
  slices: Slices,
): Promise<readonly Sample[]> {
  if (metric.type !== 'gauge') return mergeCounters(metric, into, members, slices);
  const merged = new Map<string, Sample>();
  for (const { value } of members) {
    if (slices.due()) await slices.pause();
    for (const sample of metric.samples(value)) merge(merged, sample, metric.merge);
  }
  return [...merged.values()];
}

function merge(merged: Map<string, Sample>, sample: Sample, how: 'sum' | 'max'): void {
  const { labels, value, suffix } = sample;
  const key = suffix === undefined ? labels.join('\0') : `${suffix}\0${labels.join('\0')}`;
  const before = merged.get(key)?.value;
  if (before === undefined) merged.set(key, sample);
  else merged.set(key, { ...sample, value: how === 'max' ? Math.max(before, value) : before + value });
}

/**
 * A counter that falls reads as a reset, and what is left of it as new events: so what a member counted stays in the sum when it goes.
 * Of one that is there and is not counted any more the sum is not known: it is left out until it is.
 */
async function mergeCounters<Value>(
  metric: Metric<Value>,
  into: Subject,
  members: readonly Member<Value>[],
  slices: Slices,
): Promise<readonly Sample[]> {
  const sums = into.sums.get(metric.name) ?? new Map<string, LastingSum>();
  into.sums.set(metric.name, sums);
  const unknown = new Set<LastingSum>();
  // Of one with labels (dropped, by reason) there may be nothing to tell yet.
  const isSingle = metric.labels.length === 0;
  for (const member of members) {
    if (slices.due()) await slices.pause();
    const counted = new Map<string, Sample>();
    for (const sample of metric.samples(member.value)) merge(counted, sample, 'sum');
    if (isSingle && counted.size === 0) for (const sum of sums.values()) if (sum.last.has(member.key)) unknown.add(sum);
    for (const [key, { labels, value, suffix }] of counted) {
      const sum = sums.get(key) ?? { labels, suffix, last: new Map<string, number>(), settled: 0 };
      sums.set(key, sum);
      const before = sum.last.get(member.key) ?? 0;
      if (value < before) sum.settled += before;
      sum.last.set(member.key, value);
    }
  }
  return [...sums.values()].flatMap((sum) => (unknown.has(sum) ? [] : sampleOf(sum, total(sum, members))));
}

function sampleOf({ labels, suffix }: LastingSum, value: number): Sample {
  return suffix === undefined ? { labels, value } : { labels, value, suffix };
}

function total(sum: LastingSum, members: readonly Member<unknown>[]): number {
  if (sum.last.size > 2 * members.length + 64) settleAbsent(sum, members);
  let total = sum.settled;
  for (const value of sum.last.values()) total += value;
  return total;
}

/** Only when there are many: a member that one incomplete snapshot missed comes back with the value it had, and must not count twice. */
function settleAbsent(sum: LastingSum, members: readonly Member<unknown>[]): void {
  const present = new Set(members.map(({ key }) => key));
  for (const [key, value] of sum.last) {
    if (present.has(key)) continue;
    sum.settled += value;
    sum.last.delete(key);
  }
}

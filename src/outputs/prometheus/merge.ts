// SPDX-License-Identifier: Apache-2.0
// Several owners as one: the queues of a device, the devices beyond the series budget.
import type { Metric, Sample } from '../../snapshot/metric.ts';
import { forgetAbsent, type Member } from './member.ts';
import { type LastingHistogram, readHistogram, samplesOfHistogram } from './merge-histograms.ts';
import type { Slices } from './slices.ts';

/** The last merge and its members: blocks of members that are the same objects need no second look. */
interface Merge {
  readonly members: readonly Member<unknown>[];
  readonly blocks: readonly Block[];
  readonly samples: readonly Sample[];
}

interface Block {
  /** The samples of a gauge's members, merged into one. */
  readonly samples: readonly Sample[];
  /** Members of a counter without a value. */
  readonly uncounted: readonly string[];
}

/** Sum of a counter over members that come and go. */
interface LastingSum {
  readonly labels: readonly string[];
  /** The last value of each member. */
  readonly last: Map<string, number>;
  total: number;
}

/** State that lasts from scrape to scrape. */
export interface MergeState {
  /** Sums of merged counters by metric name, then by label values. */
  readonly sums: Map<string, Map<string, LastingSum>>;
  /** Merged histograms by metric name. */
  readonly histograms: Map<string, LastingHistogram>;
  /** Merges by metric name. */
  readonly merges: Map<string, Merge>;
}

/** A host with a thousand idle guests costs what its busy ones cost, and each of these the block in which it is. */
const MEMBERS_OF_BLOCK = 32;

/** The same list as before where no member is another object. */
export async function mergeSamples<Value>(
  metric: Metric<Value>,
  into: MergeState,
  members: readonly Member<Value>[],
  slices: Slices,
): Promise<readonly Sample[]> {
  const before = into.merges.get(metric.name);
  const read = readerOf(metric);
  const blocks: Block[] = [];
  let isSame = before?.members.length === members.length;
  for (let first = 0; first < members.length; first += MEMBERS_OF_BLOCK) {
    const known = isSameBlock(before?.members, members, first) ? before?.blocks[blocks.length] : undefined;
    if (known === undefined) {
      isSame = false;
      if (slices.due()) await slices.pause();
    }
    blocks.push(known ?? read(metric, into, members.slice(first, first + MEMBERS_OF_BLOCK)));
  }
  const samples = isSame && before ? before.samples : together(metric, into, members, blocks);
  into.merges.set(metric.name, { members, blocks, samples });
  return samples;
}

/** A plain loop: it runs for each metric. */
function isSameBlock(
  before: readonly Member<unknown>[] | undefined,
  members: readonly Member<unknown>[],
  first: number,
): boolean {
  if (before === undefined) return false;
  const behind = first + MEMBERS_OF_BLOCK;
  if (Math.min(behind, before.length) !== Math.min(behind, members.length)) return false;
  for (let place = first; place < behind; place += 1) if (before[place] !== members[place]) return false;
  return true;
}

function together<Value>(
  metric: Metric<Value>,
  into: MergeState,
  members: readonly Member<Value>[],
  blocks: readonly Block[],
): readonly Sample[] {
  if (metric.distribution !== undefined)
    return samplesOfHistogram(into.histograms.get(metric.name), members, uncountedOf(blocks));
  if (metric.type !== 'gauge') return sumsOf(into.sums.get(metric.name) ?? new Map(), members, blocks);
  const merged = new Map<string, Sample>();
  for (const { samples } of blocks) for (const sample of samples) merge(merged, sample, metric.merge);
  return [...merged.values()];
}

function readerOf<Value>({ type, distribution }: Metric<Value>) {
  if (distribution === undefined) return type === 'gauge' ? readGauge<Value> : readCounter<Value>;
  return ({ name }: Metric<Value>, { histograms }: MergeState, members: readonly Member<Value>[]): Block => ({
    samples: [],
    uncounted: readHistogram(histograms, name, distribution, members),
  });
}

function readGauge<Value>(metric: Metric<Value>, _: MergeState, members: readonly Member<Value>[]): Block {
  const merged = new Map<string, Sample>();
  for (const { value } of members) for (const sample of metric.samples(value)) merge(merged, sample, metric.merge);
  return { samples: [...merged.values()], uncounted: [] };
}

function merge(merged: Map<string, Sample>, sample: Sample, how: 'sum' | 'max'): void {
  const { labels, value } = sample;
  const key = labels.join('\0');
  const before = merged.get(key)?.value;
  if (before === undefined) merged.set(key, sample);
  else merged.set(key, { ...sample, value: how === 'max' ? Math.max(before, value) : before + value });
}

/** A counter that falls reads as a reset, and what is left of it as new events: so what a member counted stays in the sum when it goes. */
function readCounter<Value>(metric: Metric<Value>, into: MergeState, members: readonly Member<Value>[]): Block {
  const sums = into.sums.get(metric.name) ?? new Map<string, LastingSum>();
  into.sums.set(metric.name, sums);
  const uncounted: string[] = [];
  for (const member of members) {
    const counted = new Map<string, Sample>();
    for (const sample of metric.samples(member.value)) merge(counted, sample, 'sum');
    // A counter with labels (dropped, by reason) may have no series yet.
    if (metric.labels.length === 0 && counted.size === 0) uncounted.push(member.key);
    for (const [key, { labels, value }] of counted) {
      const sum = sums.get(key) ?? { labels, last: new Map<string, number>(), total: 0 };
      sums.set(key, sum);
      const before = sum.last.get(member.key) ?? 0;
      sum.total += value < before ? value : value - before;
      sum.last.set(member.key, value);
    }
  }
  return { samples: [], uncounted };
}

/** The sum is left out while a member that is there is not counted any more: the sum is not known. */
function sumsOf(
  sums: ReadonlyMap<string, LastingSum>,
  members: readonly Member<unknown>[],
  blocks: readonly Block[],
): readonly Sample[] {
  const uncounted = uncountedOf(blocks);
  return [...sums.values()].flatMap(({ labels, last, total }) => {
    forgetAbsent(last, members);
    return uncounted.some((key) => last.has(key)) ? [] : [{ labels, value: total }];
  });
}

function uncountedOf(blocks: readonly Block[]): readonly string[] {
  return blocks.flatMap(({ uncounted }) => uncounted);
}

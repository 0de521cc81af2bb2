// SPDX-License-Identifier: Apache-2.0
// A metric is a view of a part of the snapshot: its name, type and help, and how its samples are read. The subjects declare theirs in these terms.
import type { Observations } from './queue.ts';

/** `labels`: values of the metric's extra labels, in the metric's order; of a histogram's bucket its upper bound is the last. */
export interface Sample {
  readonly labels: readonly string[];
  readonly value: number;
  /** The suffix of a histogram's series; others have the metric's own name. */
  readonly suffix?: Suffix;
  /** Beside a histogram's count: all that it is the count of. */
  readonly seen?: Distribution;
}

/** As the host's interface sees it: a macvtap receives what goes to its guest. */
export type Direction = 'transmit' | 'receive';

export type Suffix = '_bucket' | '_sum' | '_count';

export interface Metric<Of> {
  readonly name: string;
  readonly type: 'counter' | 'gauge' | 'histogram';
  /** Direction in words, then the kernel function or field that the number comes from; no double quotes: OpenMetrics would need them escaped. */
  readonly help: string;
  /** Beyond those of the device or queue. */
  readonly labels: readonly string[];
  /** How several devices or queues become one: queues at `--detail device`, devices beyond the series budget. */
  readonly merge: 'sum' | 'max';
  /** [] = not measured: no series. */
  readonly samples: (of: Of) => readonly Sample[];
  /** The same of a metric without labels of its own, without an array for each number: a page has 100 000. undefined: it has labels. */
  readonly value: ((of: Of) => number | undefined) | undefined;
  /** The same of a histogram without labels of its own. */
  readonly distribution?: (of: Of) => Distribution | undefined;
  /** A counter of the kernel's own: it counts since the device was made, which may be before the agent saw it. */
  readonly since?: 'device';
  /** Of packets or bytes that all go one way; undefined: both. */
  readonly direction?: Direction | undefined;
  /** Shown at `--detail core` too. */
  readonly core?: true;
  /** Which of its samples that level shows; fromFirst: there it has no series before its first hit; undefined: all. */
  readonly atCore?: ((sample: Sample) => boolean) | 'fromFirst';
  /** Shown at `--detail full` and `cpu` alone. */
  readonly full?: true;
  /** No series while it is 0; once there, it stays. Of a histogram: all its series, from the first observation. */
  readonly fromFirst?: true;
}

export function counter<Of>(name: string, help: string, value: (of: Of) => number | undefined): Metric<Of> {
  return {
    name,
    type: 'counter',
    help,
    labels: [],
    merge: 'sum',
    samples: (of) => seriesIf(value(of)),
    value,
  };
}

/** What the shipped alerts and the rules of a fleet ask for. */
export function core<Of>(metric: Metric<Of>, atCore?: Metric<Of>['atCore']): Metric<Of> {
  return { ...metric, core: true, ...(atCore && { atCore }) };
}

/** Not worth its series at the default level. */
export function full<Of>(metric: Metric<Of>): Metric<Of> {
  return { ...metric, full: true };
}

/**
 * No series before the metric's first hit: most hosts never see one. A rule that reads such a counter adds `x unless x offset 5m`, because the rate
 * of a series does not have the value with which it began.
 */
export function fromFirst<Of>(metric: Metric<Of>): Metric<Of> {
  const samples = (of: Of) => metric.samples(of).filter(({ value }) => value !== 0);
  // What has no labels of its own is left out by its readers, which know what they have shown.
  return metric.labels.length === 0 ? { ...metric, fromFirst: true } : { ...metric, samples, fromFirst: true };
}

/** The metric counts in another direction than its subject. */
export function directed<Of>(direction: Direction | undefined, metric: Metric<Of>): Metric<Of> {
  return { ...metric, direction };
}

/** The metric is one of the kernel's own counters, which begin with the device. */
export function sinceDevice<Of>(metric: Metric<Of>): Metric<Of> {
  return { ...metric, since: 'device' };
}

export function counters<Of>(
  name: string,
  help: string,
  labels: readonly string[],
  samples: Metric<Of>['samples'],
): Metric<Of> {
  return { name, type: 'counter', help, labels, merge: 'sum', samples, value: undefined };
}

export function gauge<Of>(name: string, help: string, value: (of: Of) => number | undefined): Metric<Of> {
  return { ...counter(name, help, value), type: 'gauge' };
}

/** A gauge of which the merged subjects have the highest: their times or sizes beside each other have no sum. */
export function peak<Of>(name: string, help: string, value: (of: Of) => number | undefined): Metric<Of> {
  return { ...gauge(name, help, value), merge: 'max' };
}

export function gauges<Of>(
  name: string,
  help: string,
  labels: readonly string[],
  samples: Metric<Of>['samples'],
): Metric<Of> {
  return { ...counters(name, help, labels, samples), type: 'gauge' };
}

/** A gauge of 0 and 1 that says whether any of the merged subjects has it. */
export function flag<Of>(name: string, help: string, value: (of: Of) => boolean | undefined): Metric<Of> {
  const number = (of: Of) => {
    const set = value(of);
    return set === undefined ? undefined : Number(set);
  };
  return peak(name, help, number);
}

/** Observations by size. `buckets[i]`: those above `bounds[i - 1]` and up to `bounds[i]`, the last: above all bounds. */
export interface Distribution {
  readonly bounds: readonly number[];
  readonly buckets: readonly number[];
  /** The sum of all observations, in the metric's unit. */
  readonly sum: number;
  /** The same observations by powers of two; undefined: the bounds are powers of two themselves. */
  readonly octaves?: Octaves;
}

/** `counts[0]`: observations of 0. `counts[i]`: those of 2^(exponent + i - 1) and more, but less than 2^(exponent + i), in the metric's unit. */
interface Octaves {
  readonly exponent: number;
  readonly counts: readonly number[];
}

/** Its samples are those of a classic histogram: the buckets are cumulative, as Prometheus wants them. */
export function histogram<Of>(
  name: string,
  help: string,
  distribution: (of: Of) => Distribution | undefined,
): Metric<Of> {
  const samples = (of: Of): readonly Sample[] => {
    const found: Sample[] = [];
    visitDistribution(found, distribution(of), pushSample);
    return found;
  };
  return { ...counters(name, help, [], samples), type: 'histogram', distribution, fromFirst: true };
}

export function pushSample(
  into: Sample[],
  _: number,
  labels: readonly string[],
  value: number,
  suffix: Suffix,
  seen?: Distribution,
): void {
  into.push(seen === undefined ? { labels, value, suffix } : { labels, value, suffix, seen });
}

/** Whether anything was ever observed. A plain loop: it runs for each histogram of each page. */
export function isHit({ buckets }: Distribution): boolean {
  for (let bucket = 0; bucket < buckets.length; bucket += 1) if (buckets[bucket] !== 0) return true;
  return false;
}

/**
 * Each series of a histogram without labels of its own, in the order in which they are written, the count last; undefined: there is none.
 * `about` is handed on to `visit`, which then need not be made for each.
 */
export function visitDistribution<About>(
  about: About,
  seen: Distribution | undefined,
  visit: (
    about: About,
    position: number,
    labels: readonly string[],
    value: number,
    suffix: Suffix,
    seen?: Distribution,
  ) => void,
): void {
  if (seen === undefined) return;
  const { bounds, buckets, sum } = seen;
  const labels = boundLabels(bounds);
  let count = 0;
  for (let bucket = 0; bucket < buckets.length; bucket += 1) {
    count += buckets[bucket] ?? 0;
    visit(about, bucket, labels[bucket] ?? infinite, count, '_bucket');
  }
  visit(about, buckets.length, noLabels, sum, '_sum');
  visit(about, buckets.length + 1, noLabels, count, '_count', seen);
}

const noLabels: readonly string[] = [];
const infinite: readonly string[] = ['+Inf'];
const labelsOfBounds = new WeakMap<readonly number[], readonly (readonly string[])[]>();

/** A page has thousands of histograms, and few bounds. */
function boundLabels(bounds: readonly number[]): readonly (readonly string[])[] {
  const known = labelsOfBounds.get(bounds);
  if (known !== undefined) return known;
  const labels = bounds.map((bound) => [String(bound)]);
  labelsOfBounds.set(bounds, labels);
  return labels;
}

/** Always 1: the labels are the information, and stay 1 when subjects are merged. */
export function info<Of>(
  name: string,
  help: string,
  labels: readonly string[],
  samples: Metric<Of>['samples'],
): Metric<Of> {
  return { ...gauges(name, help, labels, samples), merge: 'max' };
}

/** An empty list: the value is not measured, and there is no series. */
export function seriesIf(value: number | undefined, ...labels: readonly string[]): readonly Sample[] {
  return value === undefined ? [] : [{ labels, value }];
}

export function series(value: number, ...labels: readonly string[]): Sample {
  return { labels, value };
}

/** Bits of a value: 131 µs, 1 ms, 8 ms, 67 ms and 0.5 s in nanoseconds. Each bound is a series for each device. */
const DURATION_BITS = [17, 20, 23, 26, 29];

/** 0, 3, 15 … 4095. */
const PACKET_BITS = [0, 2, 4, 6, 8, 10, 12];

const DURATION_BOUNDS = DURATION_BITS.map((bits) => 2 ** bits / 1e9);

const PACKET_BOUNDS = PACKET_BITS.map((bits) => 2 ** bits - 1);

export function durations(observations: Observations | undefined): Distribution | undefined {
  return observations && distribution(observations, DURATION_BITS, DURATION_BOUNDS, 1e9);
}

export function packets(observations: Observations | undefined): Distribution | undefined {
  return observations && distribution(observations, PACKET_BITS, PACKET_BOUNDS, 1);
}

/** Fewer and wider buckets than were counted; `perUnit`: of what was counted in the metric's unit. */
function distribution(
  { buckets, sum }: Observations,
  boundBits: readonly number[],
  bounds: readonly number[],
  perUnit: number,
): Distribution {
  const wide = new Array<number>(boundBits.length + 1).fill(0);
  let into = 0;
  for (let bits = 0; bits < buckets.length; bits += 1) {
    while (into < boundBits.length && bits > (boundBits[into] ?? 0)) into += 1;
    wide[into] = (wide[into] ?? 0) + (buckets[bits] ?? 0);
  }
  return {
    bounds,
    buckets: wide,
    sum: sum / perUnit,
    octaves: { exponent: -Math.round(Math.log2(perUnit)), counts: buckets },
  };
}

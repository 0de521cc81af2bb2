// SPDX-License-Identifier: Apache-2.0
// What a metric is, and the words that the catalogue (metrics.ts) is written in.

/** `labels`: values of the metric's extra labels, in the metric's order. */
export interface Sample {
  readonly labels: readonly string[];
  readonly value: number;
}

export interface Metric<Subject> {
  readonly name: string;
  readonly type: 'counter' | 'gauge' | 'histogram';
  /** Direction in words, then the kernel function or field that the number comes from; no double quotes: OpenMetrics would need them escaped. */
  readonly help: string;
  /** Beyond the subject's own labels. The last one of a histogram is `le`: a bound, or the word sum or count, which names the series instead. */
  readonly labels: readonly string[];
  /** How several subjects become one: queues at `--detail device`, devices beyond the series budget. */
  readonly merge: 'sum' | 'max';
  /** [] = not measured: no series. */
  readonly samples: (subject: Subject) => readonly Sample[];
  /** The same of a metric without labels of its own, without an array for each number: a page has 100 000. undefined: it has labels. */
  readonly value: ((subject: Subject) => number | undefined) | undefined;
}

export function counter<Subject>(
  name: string,
  help: string,
  value: (subject: Subject) => number | undefined,
): Metric<Subject> {
  return {
    name,
    type: 'counter',
    help,
    labels: [],
    merge: 'sum',
    samples: (subject) => seriesIf(value(subject)),
    value,
  };
}

export function counters<Subject>(
  name: string,
  help: string,
  labels: readonly string[],
  samples: Metric<Subject>['samples'],
): Metric<Subject> {
  return { name, type: 'counter', help, labels, merge: 'sum', samples, value: undefined };
}

export function gauge<Subject>(
  name: string,
  help: string,
  value: (subject: Subject) => number | undefined,
): Metric<Subject> {
  return { ...counter(name, help, value), type: 'gauge' };
}

export function gauges<Subject>(
  name: string,
  help: string,
  labels: readonly string[],
  samples: Metric<Subject>['samples'],
): Metric<Subject> {
  return { ...counters(name, help, labels, samples), type: 'gauge' };
}

/** A gauge of 0 and 1 that says whether any of the merged subjects has it. */
export function flag<Subject>(
  name: string,
  help: string,
  value: (subject: Subject) => boolean | undefined,
): Metric<Subject> {
  const number = (subject: Subject) => {
    const set = value(subject);
    return set === undefined ? undefined : Number(set);
  };
  return { ...gauge(name, help, number), merge: 'max' };
}

/** Always 1: the labels are the information, and stay 1 when subjects are merged. */
export function info<Subject>(
  name: string,
  help: string,
  labels: readonly string[],
  samples: Metric<Subject>['samples'],
): Metric<Subject> {
  return { ...gauges(name, help, labels, samples), merge: 'max' };
}

/** Observations, sorted into ranges. */
export interface Observations {
  /** The upper ends of the ranges, each included in its own. */
  readonly bounds: readonly number[];
  /** How many fell into each range; the last is beyond all bounds. */
  readonly counts: readonly number[];
  readonly sum: number;
}

export function histogram<Subject>(
  name: string,
  help: string,
  observations: (subject: Subject) => Observations | undefined,
): Metric<Subject> {
  const samples = (subject: Subject) => {
    const observed = observations(subject);
    return observed === undefined ? [] : bucketsOf(observed);
  };
  return { ...counters(name, help, ['le'], samples), type: 'histogram' };
}

function bucketsOf({ bounds, counts, sum }: Observations): readonly Sample[] {
  let count = 0;
  const buckets = counts.map((own, range) => {
    count += own;
    return series(count, String(bounds[range] ?? '+Inf'));
  });
  return [...buckets, series(sum, 'sum'), series(count, 'count')];
}

/** Not measured: no series. */
export function seriesIf(value: number | undefined, ...labels: readonly string[]): readonly Sample[] {
  return value === undefined ? [] : [{ labels, value }];
}

export function series(value: number, ...labels: readonly string[]): Sample {
  return { labels, value };
}

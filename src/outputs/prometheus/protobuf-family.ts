// SPDX-License-Identifier: Apache-2.0
// The series of a metric as messages: a histogram is one of them, with its native buckets and its classic ones, of which Prometheus
// keeps what its configuration says.
import type { Distribution } from '../../snapshot/metric.ts';
import type { MetricRows, Visit } from './families.ts';
import type { Family } from './family.ts';
import { type HistogramValue, SeriesEncoder } from './protobuf.ts';
import type { SeriesCreated } from './series-created.ts';
import type { SeriesOwner } from './series-owner.ts';

/** `created`: with the times since when counters and histograms count. */
export function protobufFamily(of: MetricRows, created?: SeriesCreated): Family {
  const { metric, rows, visitRow, originOf } = of;
  const writer: Family['writer'] = (chunks) => {
    const visit = visitor(metric, (bytes) => chunks.bytes(bytes), created);
    return (part) => visitRow(part, visit);
  };
  return { ...metric, parts: rows, writer, ...(originOf && { origin: originOf }) };
}

function visitor(metric: MetricRows['metric'], write: (bytes: Uint8Array) => void, created?: SeriesCreated): Visit {
  const { labels: names, type } = metric;
  const encoder = new SeriesEncoder();
  const encodeLabels = (owner: SeriesOwner, values: readonly string[]): void => {
    encoder.begin(encodedLabels(owner));
    for (let index = 0; index < names.length; index += 1) encoder.label(names[index] ?? '', values[index] ?? '');
  };
  let bounds: number[] = [];
  let cumulative: number[] = [];
  let sum = 0;
  return (owner, _, values, value, suffix, seen) => {
    if (suffix === '_bucket') {
      const bound = Number(values.at(-1));
      if (Number.isNaN(bound)) return; // +Inf, whose bucket is the count
      bounds.push(bound);
      cumulative.push(value);
    } else if (suffix === '_sum') sum = value;
    else {
      encodeLabels(owner, values);
      const start = created?.startOf(owner, metric);
      if (type === 'histogram') {
        const native = seen && nativeOf(seen);
        write(encoder.histogram({ count: value, sum, bounds, cumulative, native }, start));
        [bounds, cumulative] = [[], []];
      } else write(type === 'counter' ? encoder.counter(value, start) : encoder.gauge(value));
    }
  };
}

const labelsOfOwners = new WeakMap<SeriesOwner, Uint8Array>();

function encodedLabels(owner: SeriesOwner): Uint8Array {
  const known = labelsOfOwners.get(owner);
  if (known !== undefined) return known;
  const encoder = new SeriesEncoder();
  for (const [name, value] of owner.labels) encoder.label(name, value);
  const labels = encoder.labels();
  labelsOfOwners.set(owner, labels);
  return labels;
}

/** Where there are no octaves, all bounds are powers of two. */
function nativeOf({ bounds, buckets, octaves }: Distribution): HistogramValue['native'] {
  const zeros = octaves?.counts[0] ?? 0;
  const counts = octaves === undefined ? buckets : octaves.counts.slice(1);
  const exponent = octaves === undefined ? Math.log2(bounds[0] ?? 1) : octaves.exponent + 1;
  const from = counts.findIndex((count) => count > 0);
  if (from === -1) return { zeros, first: 0, counts: [] };
  return { zeros, first: exponent + from, counts: counts.slice(from, counts.findLastIndex((count) => count > 0) + 1) };
}

// SPDX-License-Identifier: Apache-2.0
// The rows of a scrape as requests in OTLP's JSON: counters become sums, gauges gauges, classic histograms histograms with explicit bounds.
import type { MetricRows, Visit } from '../prometheus/families.ts';
import type { SeriesOwner } from '../prometheus/series-owner.ts';
import type { Slices } from '../prometheus/slices.ts';
import { renderValue } from '../prometheus/text.ts';
import { directionOf, nanoseconds, renderAttributes, renderSender, type Sender } from './otlp-attributes.ts';
import type { SeriesStarts } from './series-starts.ts';

/** Data points of a request: about a megabyte before it is compressed, where a collector takes 20. */
const POINTS = 2000;

interface MetricsMoment {
  readonly sender: Sender;
  readonly starts: SeriesStarts;
  /** Unix time of the snapshot, seconds. */
  readonly takenAt: number;
}

/** One request after the other, each made when it is asked for. */
export async function* metricsRequests(
  rows: readonly MetricRows[],
  { sender, starts, takenAt }: MetricsMoment,
  slices: Slices,
): AsyncGenerator<string, void, undefined> {
  let metrics: string[] = [];
  let number = 0;
  const request = (): string => {
    const body = renderSender(sender, 'Metrics', metrics.join(','));
    metrics = [];
    number = 0;
    return body;
  };
  starts.read(takenAt);
  for (const family of rows) {
    const points: string[] = [];
    const visit = visitor(family, starts, takenAt, points);
    for (let row = 0; row < family.rows; row += 1) {
      family.visitRow(row, visit);
      if (number + points.length >= POINTS) {
        metrics.push(renderMetric(family, points.splice(0)));
        yield request();
      }
      if (slices.due()) await slices.pause();
    }
    if (points.length > 0) metrics.push(renderMetric(family, points));
    number += points.length;
  }
  if (metrics.length > 0) yield request();
}

function renderMetric({ metric: { name, help, type } }: MetricRows, points: readonly string[]): string {
  const unit = unitOf(name);
  const head = `{"name":${JSON.stringify(name)},"description":${JSON.stringify(help)},"unit":"${unit}"`;
  const data = `"dataPoints":[${points.join(',')}]`;
  const total = '"aggregationTemporality":2';
  if (type === 'histogram') return `${head},"histogram":{${data},${total}}}`;
  return type === 'counter' ? `${head},"sum":{${data},${total},"isMonotonic":true}}` : `${head},"gauge":{${data}}}`;
}

/** UCUM, as OTLP asks for it. */
function unitOf(name: string): string {
  const [, unit = ''] = /_(seconds|bytes|packets|ratio)(?:_total)?$/.exec(name) ?? [];
  return { seconds: 's', bytes: 'By', packets: '{packet}', ratio: '1' }[unit] ?? '';
}

function visitor({ metric }: MetricRows, starts: SeriesStarts, takenAt: number, points: string[]): Visit {
  const time = `"timeUnixNano":"${nanoseconds(takenAt)}"`;
  const since = (start: number): string => `"startTimeUnixNano":"${nanoseconds(Math.min(start, takenAt))}",${time}`;
  const { labels: names, type } = metric;
  const direction = renderAttributes([['network.io.direction', directionOf(metric)]]);
  let bounds: string[] = [];
  let counts: number[] = [];
  let sum = 0;
  return (owner, position, values, value, suffix) => {
    if (suffix === '_bucket') {
      const bound = values.at(-1) ?? '';
      if (bound !== '+Inf') bounds.push(bound);
      counts.push(value);
    } else if (suffix === '_sum') sum = value;
    else {
      const attributes = `"attributes":[${joined(attributesOf(owner, names, values), direction)}]`;
      const start = type === 'gauge' ? 0 : starts.startOf(owner, metric, position, values, value);
      if (suffix === '_count') {
        const each = counts.map((count, index) => `"${count - (counts[index - 1] ?? 0)}"`);
        points.push(
          `{${attributes},${since(start)},"count":"${value}","sum":${number(sum)},"bucketCounts":[${each}],"explicitBounds":[${bounds}]}`,
        );
        [bounds, counts] = [[], []];
      } else points.push(`{${attributes},${type === 'gauge' ? time : since(start)},"asDouble":${number(value)}}`);
    }
  };
}

const ownerAttributes = new WeakMap<SeriesOwner, string>();

function attributesOf(owner: SeriesOwner, names: readonly string[], values: readonly string[]): string {
  const known = ownerAttributes.get(owner) ?? renderAttributes(owner.labels);
  ownerAttributes.set(owner, known);
  const own = renderAttributes(names.map((name, index) => [name, values[index] ?? '']));
  return joined(known, own);
}

function joined(first: string, second: string): string {
  return first === '' || second === '' ? first + second : `${first},${second}`;
}

/** JSON of protocol buffers writes what JSON has no number for as text. */
function number(value: number): string {
  if (Number.isFinite(value)) return renderValue(value);
  return Number.isNaN(value) ? '"NaN"' : value > 0 ? '"Infinity"' : '"-Infinity"';
}

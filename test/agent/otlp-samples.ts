// SPDX-License-Identifier: Apache-2.0
// OTLP's JSON back to samples as a page of Prometheus has them, to compare both.
import { at, listAt, textAt } from '../host/checked-json.ts';

/** Values by `name{label="value",…}`, labels in alphabetical order. */
export type Samples = ReadonlyMap<string, number>;

/** What semantic conventions add says a label once more. */
const added = ['network.interface.name', 'network.io.direction', 'error.type'];

function seriesName(name: string, labels: Readonly<Record<string, string>>): string {
  const shown = Object.entries(labels).filter(([, value]) => value !== '');
  const sorted = shown.sort(([a], [b]) => (a < b ? -1 : 1));
  return `${name}{${sorted.map(([label, value]) => `${label}=${JSON.stringify(value)}`).join(',')}}`;
}

/** `requests`: of ExportMetricsServiceRequest. A series that comes twice has its last value. */
export function samplesOfRequests(requests: readonly unknown[]): Samples {
  const samples = new Map<string, number>();
  const metrics = requests
    .flatMap((request) => listAt(request, 'resourceMetrics'))
    .flatMap((resource) => listAt(resource, 'scopeMetrics'))
    .flatMap((scope) => listAt(scope, 'metrics'));
  for (const metric of metrics) {
    const name = textAt(metric, 'name');
    const kind = ['sum', 'gauge', 'histogram'].find((one) => at(metric, one) !== undefined) ?? '';
    for (const point of listAt(metric, kind, 'dataPoints'))
      for (const [series, value] of seriesOf(name, point, kind === 'histogram')) samples.set(series, value);
  }
  return samples;
}

export function attributesOf(item: unknown): Readonly<Record<string, string>> {
  const pairs = listAt(at(item, 'attributes') ?? []).map((one) => [
    textAt(one, 'key'),
    textAt(one, 'value', 'stringValue'),
  ]);
  return Object.fromEntries(pairs);
}

function seriesOf(
  name: string,
  point: unknown,
  isHistogram: boolean,
): readonly (readonly [series: string, value: number])[] {
  const labels = Object.fromEntries(Object.entries(attributesOf(point)).filter(([key]) => !added.includes(key)));
  if (!isHistogram) return [[seriesName(name, labels), Number(at(point, 'asDouble') ?? 0)]];
  let count = 0;
  const bounds = [...listAt(at(point, 'explicitBounds') ?? []).map(String), '+Inf'];
  const buckets = listAt(point, 'bucketCounts').map((bucket, index) => {
    count += Number(bucket);
    return [seriesName(`${name}_bucket`, { ...labels, le: bounds[index] ?? '' }), count] as const;
  });
  return [
    ...buckets,
    [seriesName(`${name}_sum`, labels), Number(at(point, 'sum') ?? 0)],
    [seriesName(`${name}_count`, labels), Number(at(point, 'count') ?? 0)],
  ];
}

/** The samples of a page in the text format. */
export function samplesOfPage(page: string): Samples {
  return new Map(linesOfPage(page).map(({ name, labels, value }) => [seriesName(name, labels), value]));
}

export interface PageLine {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

export function linesOfPage(page: string): readonly PageLine[] {
  const lines = page.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  return lines.map((line) => {
    const [, name = '', labels = '', value = ''] = /^(\w+)(?:\{(.*)\})? (\S+)$/.exec(line) ?? [];
    const pairs = [...labels.matchAll(/(\w+)="((?:[^"\\]|\\.)*)"/g)].map(([, label = '', text = '']) => {
      return [label, text.replace(/\\(.)/g, (_, one) => (one === 'n' ? '\n' : one))] as const;
    });
    const number = Number(value.replace('Nan', 'NaN').replace('Inf', 'Infinity'));
    return { name, labels: Object.fromEntries(pairs), value: number };
  });
}

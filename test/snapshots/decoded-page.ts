// SPDX-License-Identifier: Apache-2.0
// The samples of a page, of either kind of format, in one form. Protocol buffers are read by another library than the one that writes them, by Prometheus' own definitions.
import { join } from 'node:path';
import protobuf from 'protobufjs';
import { at, listAt } from '../host/checked-json.ts';

/** By `name{label="value",…}`, labels in order, the empty ones left out. */
type Samples = ReadonlyMap<string, number>;

interface NativeHistogram {
  readonly series: string;
  readonly count: number;
  readonly sum: number;
  readonly zeros: number;
  /** By the exponent of their upper bound. */
  readonly buckets: ReadonlyMap<number, number>;
}

export interface DecodedPage {
  readonly samples: Samples;
  readonly natives: readonly NativeHistogram[];
  /** Unix times, seconds, since when a series counts. */
  readonly starts: Samples;
  /** `# HELP` and `# TYPE` of each family. */
  readonly families: readonly string[];
}

type Pairs = readonly (readonly [string, string])[];

function keyOf(name: string, labels: Pairs): string {
  const known = labels.filter(([, value]) => value !== '').map(([label, value]) => `${label}=${JSON.stringify(value)}`);
  return `${name}{${known.sort().join()}}`;
}

/** A page of the text format. */
export function decodeText(page: string): DecodedPage {
  const [samples, families] = [new Map<string, number>(), [] as string[]];
  for (const line of page.split('\n')) {
    if (line.startsWith('# ')) families.push(line);
    const [, name, labels = '', value = ''] = /^(\w+)(?:\{(.*)\})? (\S+)$/.exec(line) ?? [];
    if (name === undefined) continue;
    const pairs = [...labels.matchAll(/(\w+)="((?:[^"\\]|\\.)*)"/g)].map(
      ([, label = '', text = '']) =>
        [label, text.replace(/\\(.)/g, (_, escaped: string) => (escaped === 'n' ? '\n' : escaped))] as const,
    );
    const key = keyOf(name, pairs);
    if (samples.has(key)) throw new Error(`${key} is there twice.`);
    samples.set(key, numberOf(value));
  }
  return { samples, families, natives: [], starts: new Map() };
}

function numberOf(text: string): number {
  return text.endsWith('Inf') ? Number(text.replace('Inf', 'Infinity')) : Number(text);
}

const root = new protobuf.Root();
root.loadSync(join(import.meta.dirname, 'metrics.proto'));
const Family = root.lookupType('io.prometheus.client.MetricFamily');
const TYPES: Readonly<Record<string, string>> = { COUNTER: 'counter', GAUGE: 'gauge', HISTOGRAM: 'histogram' };

export function decodeProtobuf(page: Buffer): DecodedPage {
  const decoded = {
    samples: new Map<string, number>(),
    natives: [] as NativeHistogram[],
    starts: new Map<string, number>(),
    families: [] as string[],
  };
  const reader = protobuf.Reader.create(page);
  while (reader.pos < reader.len) {
    const message: unknown = Family.toObject(Family.decodeDelimited(reader), {
      longs: Number,
      enums: String,
      defaults: true,
    });
    const name = String(at(message, 'name'));
    const type = TYPES[String(at(message, 'type'))] ?? 'unknown';
    const help = String(at(message, 'help')).replaceAll('\\', '\\\\').replaceAll('\n', '\\n');
    decoded.families.push(`# HELP ${name} ${help}`, `# TYPE ${name} ${type}`);
    for (const metric of listAt(message, 'metric')) decodeMetric(decoded, name, type, metric);
  }
  return decoded;
}

type SetSample = (suffix: string, value: number, ...more: Pairs) => void;

interface Decoding {
  readonly samples: Map<string, number>;
  readonly natives: NativeHistogram[];
  readonly starts: Map<string, number>;
}

function decodeMetric({ samples, natives, starts }: Decoding, name: string, type: string, metric: unknown): void {
  const labels = listAt(metric, 'label').map((pair) => [String(at(pair, 'name')), String(at(pair, 'value'))] as const);
  const set: SetSample = (suffix, value, ...more) => {
    const key = keyOf(`${name}${suffix}`, [...labels, ...more]);
    if (samples.has(key)) throw new Error(`${key} is there twice.`);
    samples.set(key, value);
  };
  const value = at(metric, type);
  const start = at(value, 'startTimestamp');
  if (start) starts.set(keyOf(name, labels), Number(at(start, 'seconds')) + Number(at(start, 'nanos')) / 1e9);
  if (type === 'histogram') natives.push(...decodeHistogram(value, keyOf(name, labels), set));
  else set('', Number(at(value, 'value')));
}

/** Its classic samples, and what is native of it. */
function decodeHistogram(value: unknown, series: string, set: SetSample): readonly NativeHistogram[] {
  const [count, sum] = [Number(at(value, 'sampleCount')), Number(at(value, 'sampleSum'))];
  for (const bucket of listAt(value, 'bucket'))
    set('_bucket', Number(at(bucket, 'cumulativeCount')), ['le', String(at(bucket, 'upperBound'))]);
  set('_bucket', count, ['le', '+Inf']);
  set('_sum', sum);
  set('_count', count);
  if (Number(at(value, 'zeroThreshold')) === 0) return [];
  if (at(value, 'schema') !== 0) throw new Error(`schema ${at(value, 'schema')}`);
  const buckets = new Map<number, number>();
  const deltas = listAt(value, 'positiveDelta').map(Number);
  let [index, before] = [0, 0];
  for (const span of listAt(value, 'positiveSpan')) {
    index += Number(at(span, 'offset'));
    for (let place = 0; place < Number(at(span, 'length')); place += 1, index += 1) {
      before += deltas.shift() ?? 0;
      buckets.set(index, before);
    }
  }
  return [{ series, count, sum, zeros: Number(at(value, 'zeroCount')), buckets }];
}

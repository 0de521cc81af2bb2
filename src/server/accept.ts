// SPDX-License-Identifier: Apache-2.0
// Content negotiation: the format that a client ranks first (RFC 9110, section 12.5).
import type { Format } from '../outputs/prometheus/formats.ts';

/** The format that the client ranks highest; of equals the simplest, and text where it asks for none of them. */
export function negotiateFormat(accept: string | undefined): Format {
  const ranges = parseRanges(accept ?? '*/*');
  let [best, highest]: [Format, number] = ['text', quality(ranges, 'text/plain', '0.0.4')];
  for (const [format, q] of [
    ['openmetrics', quality(ranges, 'application/openmetrics-text', '1.0.0')],
    ['protobuf', Math.max(0, ...ranges.filter(isDelimitedProtobuf).map((range) => range.q))],
  ] as const)
    if (q > highest) [best, highest] = [format, q];
  return best;
}

/** No wildcard means it: who has no protocol buffers could not read it. */
function isDelimitedProtobuf({ name, parameters }: Range): boolean {
  return (
    name === 'application/vnd.google.protobuf' &&
    parameters.get('proto') === 'io.prometheus.client.metricfamily' &&
    parameters.get('encoding') === 'delimited'
  );
}

export function acceptsGzip(acceptEncoding: string | undefined): boolean {
  const codings = parseRanges(acceptEncoding ?? '');
  const gzip =
    codings.find(({ name }) => name === 'gzip' || name === 'x-gzip') ?? codings.find(({ name }) => name === '*');
  return gzip !== undefined && gzip.q > 0;
}

interface Range {
  readonly name: string;
  readonly parameters: ReadonlyMap<string, string>;
  readonly q: number;
}

function parseRanges(header: string): readonly Range[] {
  return header.split(',').map((part) => {
    const [name = '', ...parameters] = part.split(';').map((piece) => piece.trim().toLowerCase());
    const values = new Map(parameters.map(splitParameter));
    return { name, parameters: values, q: parseQuality(values.get('q')) };
  });
}

function splitParameter(parameter: string): readonly [string, string] {
  const [key = '', value = ''] = parameter.split('=');
  return [key.trim(), value.trim().replace(/^"(.*)"$/, '$1')];
}

/** A range whose rank cannot be read is not used. */
function parseQuality(text: string | undefined): number {
  if (text === undefined) return 1;
  return /^(0(\.\d{0,3})?|1(\.0{0,3})?)$/.test(text) ? Number(text) : 0;
}

/** Uses the most specific range that fits, as the standard says. Parameters other than the version do not count. */
function quality(ranges: readonly Range[], type: string, version: string): number {
  const family = `${type.split('/')[0]}/*`;
  const levels: readonly ((range: Range) => boolean)[] = [
    ({ name, parameters }) => name === type && parameters.get('version') === version,
    ({ name, parameters }) => name === type && !parameters.has('version'),
    ({ name }) => name === family,
    ({ name }) => name === '*/*',
  ];
  const fitting = levels.map((fits) => ranges.filter(fits)).find((found) => found.length > 0) ?? [];
  return Math.max(0, ...fitting.map(({ q }) => q));
}

// SPDX-License-Identifier: Apache-2.0
// The two text formats of Prometheus, to the byte as prom-client writes them.
import { Registry } from 'prom-client';
import { createChunks } from './prometheus-chunks.ts';
import type { Slices } from './prometheus-slices.ts';

export type Format = 'text' | 'openmetrics';

export const formats: readonly Format[] = ['text', 'openmetrics'];

export const contentTypes: Readonly<Record<Format, string>> = {
  text: Registry.PROMETHEUS_CONTENT_TYPE,
  openmetrics: Registry.OPENMETRICS_CONTENT_TYPE,
};

export type Labels = readonly (readonly [name: string, value: string])[];

/** Writes one line of a series. */
export type Line = (prefix: string, value: number) => void;

/** A family without lines is left out. */
export interface Family {
  readonly name: string;
  readonly type: string;
  readonly help: string;
  /** It is written in so many parts, of few lines each; other work runs between some of them. */
  readonly parts: number;
  readonly writer: (line: Line) => (part: number) => void;
}

/** Looking at the clock costs as much as a line. */
const partsPerLook = 8;

/** Chunks of the page. No `# UNIT` lines: they are optional, names carry the unit. */
export async function* page(
  families: Iterable<Family>,
  format: Format,
  slices: Slices,
): AsyncGenerator<Buffer, void, undefined> {
  const chunks = createChunks();
  let head = '';
  let empty = true;
  const line: Line = (prefix, value) => {
    if (head !== '') {
      // prom-client parts families by a blank line in the text format, OpenMetrics forbids one.
      chunks.text(empty || format === 'openmetrics' ? head : `\n${head}`);
      head = '';
      empty = false;
    }
    chunks.line(prefix, renderValue(value));
  };
  for (const family of families) {
    head = header(family, format);
    const write = family.writer(line);
    for (let part = 0; part < family.parts; part += 1) {
      write(part);
      if (part % partsPerLook !== 0 || !slices.due()) continue;
      yield* chunks.take(false);
      await slices.pause();
    }
  }
  if (format === 'openmetrics') chunks.text('# EOF\n');
  yield* chunks.take(true);
}

function header({ name, type, help }: Family, format: Format): string {
  const family = format === 'openmetrics' && type === 'counter' ? name.replace(/_total$/, '') : name;
  return `# HELP ${family} ${escapeText(help)}\n# TYPE ${family} ${type}\n`;
}

/** `a="1",b="2"` */
export function renderLabels(labels: Labels): string {
  return labels.map(([name, value]) => `${name}="${escapeText(value).replaceAll('"', '\\"')}"`).join(',');
}

export function renderValue(value: number): string {
  if (Number.isNaN(value)) return 'Nan';
  if (Number.isFinite(value)) return String(value);
  return value < 0 ? '-Inf' : '+Inf';
}

function escapeText(text: string): string {
  return text.replaceAll('\\', '\\\\').replaceAll('\n', '\\n');
}

// SPDX-License-Identifier: Apache-2.0
// The two text formats of Prometheus, to the byte as prom-client writes them.
import { setImmediate } from 'node:timers/promises';
import { Registry } from 'prom-client';

export type Format = 'text' | 'openmetrics';

export const formats: readonly Format[] = ['text', 'openmetrics'];

export const contentTypes: Readonly<Record<Format, string>> = {
  text: Registry.PROMETHEUS_CONTENT_TYPE,
  openmetrics: Registry.OPENMETRICS_CONTENT_TYPE,
};

export type Labels = readonly (readonly [name: string, value: string])[];

/** `lines` end without a newline; a family without lines is left out. */
export interface Family {
  readonly name: string;
  readonly type: string;
  readonly help: string;
  readonly lines: Iterable<string>;
}

/** Long enough that chunks cost little, short enough that probes' timers run in between (2 ms). */
const chunkLines = 2000;

/** Chunks of the page; other work of the process runs between them. No `# UNIT` lines: they are optional, names carry the unit. */
export async function* page(families: Iterable<Family>, format: Format): AsyncGenerator<string, void, undefined> {
  let chunk = '';
  let lines = 0;
  for (const family of families) {
    let head = header(family, format);
    for (const line of family.lines) {
      // prom-client parts families by a blank line in the text format, OpenMetrics forbids one.
      if (head !== '' && lines > 0 && format === 'text') chunk += '\n';
      chunk += `${head}${line}\n`;
      head = '';
      lines += 1;
      if (lines % chunkLines === 0) {
        yield chunk;
        chunk = '';
        await setImmediate();
      }
    }
  }
  yield format === 'openmetrics' ? `${chunk}# EOF\n` : chunk;
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

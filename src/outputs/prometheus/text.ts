// SPDX-License-Identifier: Apache-2.0
// The two text formats of Prometheus, to the byte as prom-client writes them.
import type { Framing } from './family.ts';

export type Labels = readonly (readonly [name: string, value: string])[];

/** prom-client parts families by a blank line. */
export const textFraming: Framing = {
  begin: (chunks, { name, help, type }, _, isFirst) => chunks.text(`${isFirst ? '' : '\n'}${header(name, help, type)}`),
  end: () => undefined,
};

/** No `# UNIT` lines: they are optional, names carry the unit. */
export const openMetricsFraming: Framing = {
  begin: (chunks, { name, help, type }) =>
    chunks.text(header(type === 'counter' ? name.replace(/_total$/, '') : name, help, type)),
  end: (chunks) => chunks.text('# EOF\n'),
};

function header(family: string, help: string, type: string): string {
  return `# HELP ${family} ${escapeText(help)}\n# TYPE ${family} ${type}\n`;
}

/** `a="1",b="2"`. What others chose is text by src/foreign-name.ts here, and drives no terminal. */
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

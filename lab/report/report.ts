// SPDX-License-Identifier: Apache-2.0
// What all reports of the lab are made of: tables in Markdown, figures, and sections of pages, each renewed by its command alone.
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { cpus, loadavg } from 'node:os';
import { join } from 'node:path';

/** Where each command writes its section. */
const PAGES = {
  clocked: 'BENCHMARKS.md',
  cost: 'BENCHMARKS.md',
  faults: 'docs/reliability.md',
  fleet: 'docs/scale.md',
  head: 'docs/scale.md',
  intruder: 'docs/reliability.md',
  kernels: 'docs/kernels.md',
  latency: 'docs/overhead.md',
  napi: 'docs/benchmarks.md',
  scale: 'BENCHMARKS.md',
  scrape: 'BENCHMARKS.md',
  soak: 'docs/reliability.md',
  tables: 'BENCHMARKS.md',
  types: 'docs/kernels.md',
  verdicts: 'BENCHMARKS.md',
} as const;

type Section = keyof typeof PAGES;

function pageOf(section: Section): string {
  return join(import.meta.dirname, '../..', PAGES[section]);
}

export function writeSection(section: Section, text: string): void {
  const page = pageOf(section);
  writeFileSync(page, replaceSection(existsSync(page) ? readFileSync(page, 'utf8') : '', section, text));
}

/** The section as it stands on its page. */
export function readSection(section: Section): string {
  const [begin, end] = marks(section);
  const [, text = ''] = readFileSync(pageOf(section), 'utf8').split(begin);
  return text.slice(0, Math.max(0, text.indexOf(end))).trimEnd();
}

function marks(section: Section): readonly [begin: string, end: string] {
  return [`<!-- bench:${section} -->\n`, `<!-- end of bench:${section} -->\n`];
}

/** A section that was not there comes last. */
export function replaceSection(document: string, section: Section, text: string): string {
  const [begin, end] = marks(section);
  const [from, to] = [document.indexOf(begin), document.indexOf(end)];
  const whole = `${begin}${text.trimEnd()}\n${end}`;
  if (from >= 0 && to >= from) return document.slice(0, from) + whole + document.slice(to + end.length);
  return document === '' ? whole : `${document.trimEnd()}\n\n${whole}`;
}

/** `left`: so many columns have text, the others numbers, or the places of those with text. */
export function markdown(
  [header = [], ...body]: readonly (readonly (string | number)[])[],
  left: number | readonly number[] = 1,
): string {
  const isText = (column: number): boolean => (typeof left === 'number' ? column < left : left.includes(column));
  return [header, header.map((_, column) => (isText(column) ? '---' : '--:')), ...body]
    .map((cells) => `| ${cells.join(' | ')} |`)
    .join('\n');
}

/** 12 345: digits in groups of three. */
export function grouped(value: number): string {
  return String(value).replace(/\B(?=(\d{3})+$)/g, ' ');
}

export function percent(share: number, digits = 1): string {
  return `${(100 * share).toFixed(digits)} %`;
}

export function milliseconds(value: number): string {
  return `${grouped(Math.round(value))} ms`;
}

/** With what the figures of a section were measured. */
export function machine(): string {
  return `Node ${process.versions.node}, ${cpus().length} CPUs, ${cpus()[0]?.model ?? 'unknown'}, load ${loadavg()[0]?.toFixed(1)} when it ended.`;
}

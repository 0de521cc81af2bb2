// SPDX-License-Identifier: Apache-2.0
// The two text formats of Prometheus, to the byte as prom-client writes them.
import { Registry } from 'prom-client';
import { createChunks } from './chunks.ts';
import type { Slices } from './slices.ts';

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
  /** The origin of a part's lines: with the same two objects the lines are the same. undefined: unknown. */
  readonly origin?: (part: number) => Origin | undefined;
}

export interface Origin {
  readonly owner: object;
  readonly value: object;
}

/** Lines of a family as they were written last. */
interface Written {
  readonly origins: readonly (Origin | undefined)[];
  /** The offset at which the bytes of each part end. */
  readonly ends: readonly number[];
  readonly bytes: Buffer;
}

/** The last page of one format, by family. A part of it is void when its origin is another object. */
export type LastPage = Map<string, Written>;

/** Looking at the clock costs as much as a line. */
const partsPerCheck = 8;
/** A family that has more is sent as it is kept, without being copied. */
const copiedBytes = 16 * 1024;

/** Chunks of the page. No `# UNIT` lines: they are optional, names carry the unit. */
export async function* page(
  families: Iterable<Family>,
  format: Format,
  slices: Slices,
  last: LastPage = new Map(),
): AsyncGenerator<Buffer, void, undefined> {
  const chunks = createChunks();
  let empty = true;
  for (const family of families) {
    const { bytes } = await written(family, slices, last);
    if (bytes.length === 0) continue;
    // prom-client parts families by a blank line in the text format, OpenMetrics forbids one.
    chunks.text(`${empty || format === 'openmetrics' ? '' : '\n'}${header(family, format)}`);
    empty = false;
    if (bytes.length <= copiedBytes) chunks.bytes(bytes);
    else {
      yield* chunks.take(true);
      yield bytes;
    }
    if (!slices.due()) continue;
    yield* chunks.take(false);
    await slices.pause();
  }
  if (format === 'openmetrics') chunks.text('# EOF\n');
  yield* chunks.take(true);
}

/** Unchanged parts are copied from the last page, or are the same buffer. */
async function written(family: Family, slices: Slices, last: LastPage): Promise<Written> {
  const { name, parts } = family;
  const before = last.get(name);
  if (before?.origins.length === parts && sameFrom(family, before, 0) === parts) return before;
  const chunks = createChunks();
  const write = family.writer((prefix, value) => chunks.line(prefix, renderValue(value)));
  const origins: (Origin | undefined)[] = [];
  const ends: number[] = [];
  const note = (part: number, end: number): void => {
    origins.push(family.origin?.(part));
    ends.push(end);
  };
  for (let part = 0; part < parts; ) {
    const behind = before === undefined ? part : sameFrom(family, before, part);
    if (before !== undefined && behind > part) {
      const [begin, shift] = [beginOf(before, part), chunks.length() - beginOf(before, part)];
      chunks.bytes(before.bytes.subarray(begin, beginOf(before, behind)));
      for (; part < behind; part += 1) note(part, beginOf(before, part + 1) + shift);
    } else {
      write(part);
      note(part, chunks.length());
      part += 1;
    }
    if (part % partsPerCheck === 0 && slices.due()) await slices.pause();
  }
  const made = { origins, ends, bytes: chunks.whole() };
  if (family.origin !== undefined) last.set(name, made);
  return made;
}

/** Behind the last of the parts from this one on that are made of what they were made of. A plain loop: it sees each part of each page. */
function sameFrom({ parts, origin }: Family, { origins }: Written, first: number): number {
  let part = first;
  for (; part < parts; part += 1) {
    const before = origins[part];
    const now = origin?.(part);
    if (before === undefined || before.owner !== now?.owner || before.value !== now.value) break;
  }
  return part;
}

function beginOf({ ends }: Written, part: number): number {
  return ends[part - 1] ?? 0;
}

function header({ name, type, help }: Family, format: Format): string {
  const family = format === 'openmetrics' && type === 'counter' ? name.replace(/_total$/, '') : name;
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

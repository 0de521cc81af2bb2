// SPDX-License-Identifier: Apache-2.0
// A page in one of the formats: its families, each made of parts, of which those that did not change are copied from the last page.
import { createChunks } from './chunks.ts';
import type { Family, Origin } from './family.ts';
import { type Format, framings } from './formats.ts';
import type { Slices } from './slices.ts';

/** The series of a family as they were written last. */
interface Written {
  readonly origins: readonly (Origin | undefined)[];
  /** The offset at which the bytes of each part end. */
  readonly ends: readonly number[];
  readonly bytes: Buffer;
}

/** The last page of one format, by family. A part of it is void when its origin is another object. */
export type LastPage = Map<string, Written>;

/** Looking at the clock costs as much as a series. */
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
  const { begin, end } = framings[format];
  let isFirst = true;
  for (const family of families) {
    const { bytes } = await written(family, slices, last);
    if (bytes.length === 0) continue;
    begin(chunks, family, bytes.length, isFirst);
    isFirst = false;
    if (bytes.length <= copiedBytes) chunks.bytes(bytes);
    else {
      yield* chunks.take(true);
      yield bytes;
    }
    if (!slices.due()) continue;
    yield* chunks.take(false);
    await slices.pause();
  }
  end(chunks);
  yield* chunks.take(true);
}

/** Unchanged parts are copied from the last page, or are the same buffer. */
async function written(family: Family, slices: Slices, last: LastPage): Promise<Written> {
  const { name, parts } = family;
  const before = last.get(name);
  if (before?.origins.length === parts && sameFrom(family, before, 0) === parts) return before;
  const chunks = createChunks();
  const write = family.writer(chunks);
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

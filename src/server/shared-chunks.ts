// SPDX-License-Identifier: Apache-2.0
// A page that is made once for all who asked for it together: each chunk when the first of them wants it, forgotten when the last has it.

type Chunks = AsyncGenerator<Buffer, void, undefined>;

/** Gives each reader the page from its beginning, and holds that beginning: let go of it when all have theirs. */
export type SharedChunks = () => Chunks;

interface Page {
  readonly source: Chunks;
  readers: number;
}

/** Only readers hold links, and a link holds those after it: the slowest reader keeps what it has yet to read, and no more. */
interface Link {
  readonly chunk: Buffer;
  readonly next: () => Promise<Link | undefined>;
}

/** `source` is given up when all readers went away. */
export function shareChunks(source: Chunks): SharedChunks {
  return beginningAt({ source, readers: 0 }, linkFrom(source));
}

// A function of its own: code in the scope of `first` would keep the beginning in memory too.
function beginningAt(page: Page, first: Link['next']): SharedChunks {
  return () => {
    page.readers += 1;
    return read(page, { ask: first });
  };
}

async function* read(page: Page, place: { ask: Link['next'] }): Chunks {
  try {
    for (let link = await place.ask(); link !== undefined; link = await place.ask()) {
      place.ask = link.next;
      yield link.chunk;
    }
  } finally {
    page.readers -= 1;
    if (page.readers === 0) await page.source.return();
  }
}

function linkFrom(source: Chunks): Link['next'] {
  let asked: Promise<Link | undefined> | undefined;
  return () => {
    asked ??= source.next().then(({ value }) => (value ? { chunk: value, next: linkFrom(source) } : undefined));
    return asked;
  };
}

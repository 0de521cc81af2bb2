// SPDX-License-Identifier: Apache-2.0
// Series written straight into the bytes that are sent: neither a string for each line nor one for the page.

/** Node's own `write` calls these after checks that take twice as long as the writing. */
interface BareBuffer extends Buffer {
  latin1Write(text: string, offset: number): number;
  utf8Write(text: string, offset: number): number;
}

export interface Chunks {
  /** Text that is no prefix of a series: headers, ends. */
  readonly text: (text: string) => void;
  /** One line; `value` is of ASCII. */
  readonly line: (prefix: string, value: string) => void;
  /** Copies the bytes. */
  readonly bytes: (bytes: Uint8Array) => void;
  /** Bytes of all that was written. */
  readonly length: () => number;
  /** All that was written, if none of it was taken: in a buffer of its own. */
  readonly whole: () => Buffer;
  /** Full chunks that were not taken yet; with `all` the last one too. */
  readonly take: (all: boolean) => readonly Buffer[];
}

const smallestBytes = 2 * 1024;
const chunkBytes = 64 * 1024;
const newline = 10;
/** The most bytes for a UTF-16 unit. */
const unitBytes = 3;

export function createChunks(): Chunks {
  let full: Buffer[] = [];
  let chunk = allocate(0);
  let end = 0;
  /** Bytes in the chunks before this one. */
  let closed = 0;

  function makeRoom(bytes: number): void {
    if (end + bytes <= chunk.length) return;
    close();
    chunk = allocate(Math.max(smallestBytes, Math.min(2 * closed, chunkBytes), bytes));
  }

  /** Closes the chunk: nothing is written into it any more. */
  function close(): void {
    if (end > 0) full.push(chunk.subarray(0, end));
    closed += end;
    chunk = allocate(0);
    end = 0;
  }

  function take(all: boolean): readonly Buffer[] {
    if (all) close();
    const taken = full;
    if (taken.length > 0) full = [];
    return taken;
  }

  return {
    text: (text) => {
      makeRoom(unitBytes * text.length);
      end += chunk.utf8Write(text, end);
    },
    line: (prefix, value) => {
      makeRoom(unitBytes * (prefix.length + value.length + 1));
      end += chunk.utf8Write(prefix, end);
      end += chunk.latin1Write(value, end);
      chunk[end++] = newline;
    },
    bytes: (bytes) => {
      makeRoom(bytes.length);
      chunk.set(bytes, end);
      end += bytes.length;
    },
    length: () => closed + end,
    take,
    whole: () => {
      const bytes = allocate(closed + end);
      let at = 0;
      for (const part of take(true)) at += part.copy(bytes, at);
      return bytes;
    },
  };
}

/** Not of Buffer's pool: a chunk lives until the slowest reader has it. */
function allocate(bytes: number): BareBuffer {
  const buffer: unknown = Buffer.allocUnsafeSlow(bytes);
  if (!isBare(buffer)) throw new Error('This Node has no latin1Write and utf8Write; run tapscope with Node 20 to 26.');
  return buffer;
}

function isBare(buffer: unknown): buffer is BareBuffer {
  return Buffer.isBuffer(buffer) && 'latin1Write' in buffer && 'utf8Write' in buffer;
}

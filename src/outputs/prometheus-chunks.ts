// SPDX-License-Identifier: Apache-2.0
// Text written straight into the bytes that are sent: neither a string for each line nor one for the page.

/** Node's own `write` calls these after checks that take twice as long as the writing. */
interface BareBuffer extends Buffer {
  latin1Write(text: string, offset: number): number;
  utf8Write(text: string, offset: number): number;
}

export interface Chunks {
  /** What is no prefix of a series: headers, ends. */
  readonly text: (text: string) => void;
  /** One line; `value` is of ASCII. */
  readonly line: (prefix: string, value: string) => void;
  /** Full chunks that were not taken yet; with `all` the last one too. */
  readonly take: (all: boolean) => readonly Buffer[];
}

const chunkBytes = 64 * 1024;
const newline = 10;

export function createChunks(): Chunks {
  let full: Buffer[] = [];
  let chunk = allocate(chunkBytes);
  let end = 0;

  /** At most three bytes for a UTF-16 unit. */
  function makeRoom(units: number): void {
    if (end + 3 * units <= chunk.length) return;
    full.push(chunk.subarray(0, end));
    chunk = allocate(Math.max(chunkBytes, 3 * units));
    end = 0;
  }

  return {
    text: (text) => {
      makeRoom(text.length);
      end += chunk.utf8Write(text, end);
    },
    line: (prefix, value) => {
      makeRoom(prefix.length + value.length + 1);
      end += chunk.utf8Write(prefix, end);
      end += chunk.latin1Write(value, end);
      chunk[end++] = newline;
    },
    take: (all) => {
      if (all) makeRoom(chunk.length);
      const taken = full;
      if (taken.length > 0) full = [];
      return taken;
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

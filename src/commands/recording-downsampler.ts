// SPDX-License-Identifier: Apache-2.0
// The lines of a recording, in time that grows as it does and in memory that does not: of a long one every second snapshot, or every fourth.
import { type SnapshotJson, snapshotFromJson } from '../snapshot/json.ts';
import { isDeeperThan } from '../snapshot/nesting.ts';
import { checkForm, DEEPEST } from '../snapshot/recorded.ts';
import type { Snapshot } from '../snapshot/snapshot.ts';

interface Room {
  /** Characters of all snapshots that are kept. As objects they take about 1.6 bytes for each. */
  readonly all: number;
  /** Characters of one line. A snapshot of 4 096 queues has 12 million. */
  readonly line: number;
}

export const ROOM: Room = { all: 256 * 2 ** 20, line: 64 * 2 ** 20 };

/** Throws at a line that is longer than any of ours. */
export async function* linesOf(chunks: AsyncIterable<Buffer>, longest = ROOM.line): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  let pieces: string[] = [];
  let length = 0;
  for await (const chunk of chunks) {
    const [first = '', ...others] = decoder.decode(chunk, { stream: true }).split('\n');
    pieces.push(first);
    length += first.length;
    for (const other of others) {
      yield pieces.join('');
      pieces = [other];
      length = other.length;
    }
    if (length > longest) throw new Error('It has a line longer than tapscope writes.');
  }
  if (length > 0) yield pieces.join('');
}

interface Kept {
  readonly snapshot: Snapshot;
  readonly index: number;
  readonly length: number;
}

/** Evenly spread over the whole time, with the first and the last. */
export class RecordingDownsampler {
  readonly #room: number;
  #kept: Kept[] = [];
  #length = 0;
  #every = 1;
  #seen = 0;
  #last = '';

  constructor(room = ROOM.all) {
    this.#room = room;
  }

  get seen(): number {
    return this.#seen;
  }

  add(line: string): void {
    this.#last = line;
    this.#seen += 1;
    if ((this.#seen - 1) % this.#every === 0) this.#keep();
    while (this.#length > this.#room && this.#kept.length > 2) this.#thin();
  }

  finish(): readonly Snapshot[] {
    if (this.#seen > 0 && this.#kept.at(-1)?.index !== this.#seen - 1) this.#keep();
    return this.#kept.map(({ snapshot }) => snapshot);
  }

  #keep(): void {
    const line = this.#last;
    this.#kept.push({ snapshot: snapshotOf(line), index: this.#seen - 1, length: line.length });
    this.#length += line.length;
  }

  #thin(): void {
    this.#every *= 2;
    this.#kept = this.#kept.filter(({ index }) => index % this.#every === 0);
    this.#length = this.#kept.reduce((sum, { length }) => sum + length, 0);
  }
}

/** Throws if it is none of ours. */
function snapshotOf(line: string): Snapshot {
  if (isDeeperThan(line, DEEPEST)) throw new Error('It is nested deeper than tapscope writes.');
  const read: SnapshotJson = JSON.parse(line);
  checkForm(read);
  return snapshotFromJson(read);
}

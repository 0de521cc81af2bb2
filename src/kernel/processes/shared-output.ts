// SPDX-License-Identifier: Apache-2.0
// Lines to stdout or stderr, which others share and perhaps nobody reads: a pipe, a terminal, journald's socket, a file. This process never waits
// for them. O_NONBLOCK is not set on what it inherited, for the shell that started it would find it there.
import { constants, fstatSync, openSync, type Stats, write, writeSync } from 'node:fs';
import { isatty } from 'node:tty';
import { promisify } from 'node:util';
import type { LogOutput } from '../../log/log.ts';
import { errnoOf } from '../error-name.ts';
import { writeNow } from './native-processes.ts';

/** Bytes of lines that wait: a pipe holds as many. */
const MOST_WAITING = 64 * 1024;
/** A reader that is back, a disk that has room again: asked for after so long, and later after twice as long each time. */
const AGAIN_MS = { first: 100, last: 2000 };

const writeFile = promisify(write);

/** Each writes some of the bytes; throws, or rejects, where none can be written now. */
interface Attempts {
  readonly write: (bytes: Uint8Array) => number | Promise<number>;
  readonly writeLast: (bytes: Uint8Array) => number;
}

export class SharedOutput implements LogOutput {
  readonly #attempts: Attempts;
  #lines: Buffer[] = [];
  #waiting = 0;
  #isWriting = false;
  #againMs = AGAIN_MS.first;
  #timer: NodeJS.Timeout | undefined;
  #roomed: (() => void) | undefined;

  constructor(descriptor: number) {
    this.#attempts = attemptsAt(descriptor);
    process.once('exit', () => this.#flush());
  }

  write(line: string): boolean {
    const bytes = Buffer.from(line);
    if (this.#waiting + bytes.length > MOST_WAITING) return false;
    this.#lines.push(bytes);
    this.#waiting += bytes.length;
    if (!this.#timer) void this.#drain();
    return true;
  }

  whenRoom(call: () => void): void {
    this.#roomed = call;
  }

  async #drain(): Promise<void> {
    if (this.#isWriting) return;
    this.#isWriting = true;
    try {
      while (this.#waiting > 0) {
        const written = this.#attempts.write(this.#take());
        this.#wrote(typeof written === 'number' ? written : await written);
        this.#againMs = AGAIN_MS.first;
      }
    } catch {
      this.#retry();
    }
    this.#isWriting = false;
    if (this.#waiting > 0) return;
    const roomed = this.#roomed;
    this.#roomed = undefined;
    roomed?.();
  }

  /** All that waits, as one. */
  #take(): Buffer {
    const all = Buffer.concat(this.#lines);
    this.#lines = [all];
    return all;
  }

  #wrote(bytes: number): void {
    this.#waiting -= bytes;
    const [first = Buffer.of(), ...later] = this.#lines;
    this.#lines = this.#waiting > 0 ? [first.subarray(bytes), ...later] : [];
  }

  #retry(): void {
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      void this.#drain();
    }, this.#againMs).unref();
    this.#againMs = Math.min(2 * this.#againMs, AGAIN_MS.last);
  }

  /** The last words of this process, as far as they are taken at once. A write to a file that is under way ends by itself. */
  #flush(): void {
    const lines = this.#isWriting ? this.#lines.slice(1) : this.#lines;
    try {
      for (const line of lines) this.#attempts.writeLast(line);
    } catch {
      // Nobody reads them.
    }
  }
}

function attemptsAt(descriptor: number): Attempts {
  const stats = statsOf(descriptor);
  if (stats?.isFIFO() || isatty(descriptor)) return same(reopened(descriptor));
  if (stats?.isSocket()) return same((bytes) => writeNow(descriptor, bytes));
  return {
    // A disk may keep its writer waiting: the loop does not wait with it. The place in the file is shared, so it is not opened anew.
    write: (bytes) => writeFile(descriptor, bytes).then(({ bytesWritten }) => bytesWritten),
    writeLast: (bytes) => writeSync(descriptor, bytes),
  };
}

function same(write: (bytes: Uint8Array) => number): Attempts {
  return { write, writeLast: write };
}

function statsOf(descriptor: number): Stats | undefined {
  try {
    return fstatSync(descriptor);
  } catch {
    return undefined; // it is closed, and each write fails
  }
}

/** Opened anew, for what is set on it to be this process' own. */
function reopened(descriptor: number): (bytes: Uint8Array) => number {
  let own: number | undefined;
  return (bytes) => {
    try {
      own ??= openSync(`/proc/self/fd/${descriptor}`, constants.O_WRONLY | constants.O_NONBLOCK | constants.O_NOCTTY);
    } catch (error) {
      // Another user's.
      if (errnoOf(error) === 'EACCES' || errnoOf(error) === 'EPERM') return writeNow(descriptor, bytes);
      throw error;
    }
    return writeSync(own, bytes);
  };
}

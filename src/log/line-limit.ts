// SPDX-License-Identifier: Apache-2.0
// Lines that a log lacks: those beyond the most that one writer may say, and those that nobody read.
import type { LogOutput } from './log.ts';
import { TokenBucket } from './token-bucket.ts';

/** A day of nothing else is 17 MB. */
const LINES = { burst: 100, perSecond: 1 };
/** After that the log says how many lines it lacks, also if no further line comes. */
const TELL_AFTER_MS = 10_000;

type Tell = (sentence: string) => void;

/** A most number of lines for one writer. */
export class LineLimit {
  readonly #tell: Tell;
  readonly #nowMs: () => number;
  readonly #bucket: TokenBucket;
  #untold = 0;
  #total = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(tell: Tell, nowMs: () => number) {
    this.#tell = tell;
    this.#nowMs = nowMs;
    this.#bucket = new TokenBucket(LINES, nowMs());
  }

  /** Since the start. */
  get total(): number {
    return this.#total;
  }

  /** Says the line, or leaves it out. */
  admit(say: () => void): void {
    if (this.#bucket.left(this.#nowMs()) < 1) {
      this.#total += 1;
      this.#untold += 1;
      this.#timer ??= setTimeout(() => this.tell(), TELL_AFTER_MS).unref();
      return;
    }
    this.#bucket.take(1);
    this.tell();
    say();
  }

  /** How many lines were left out, if any were. */
  tell(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const count = this.#untold;
    this.#untold = 0;
    if (count > 0)
      this.#tell(`${count} lines were left out of this log: it takes ${LINES.burst} at once, and one a second.`);
  }
}

/** An output that says how many lines it dropped once it takes lines again. */
export class CountedOutput {
  readonly #output: LogOutput;
  readonly #tell: Tell;
  #untold = 0;
  #total = 0;

  constructor(output: LogOutput, tell: Tell) {
    this.#output = output;
    this.#tell = tell;
  }

  /** Since the start. */
  get total(): number {
    return this.#total;
  }

  write(line: string): void {
    // None is written before it is said there how many are missing.
    if (this.#untold === 0 && this.#output.write(line)) return;
    this.#total += 1;
    this.#untold += 1;
    if (this.#untold === 1) this.#output.whenRoom(() => this.#roomed());
  }

  #roomed(): void {
    const count = this.#untold;
    this.#untold = 0;
    this.#tell(`${count} lines were dropped here: they were not read in time, or the disk was full.`);
  }
}

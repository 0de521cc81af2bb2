// SPDX-License-Identifier: Apache-2.0
// What a process without rights writes to its stdout and stderr, on its way to those of this one: by lines, of which each has a most length,
// and a second a most number. What is more is discarded and counted; it is read all the same, so that the other never waits.
import { visible } from '../snapshot/visible.ts';
import { TokenBucket } from './token-bucket.ts';

/** An honest process has a limit of its own (log.ts) far below: these lines are one that crashes, or an intruder's. */
export const OUTPUT_LIMITS = {
  /** Characters; what a process says last has 8 KiB. */
  lineLength: 16 * 1024,
  lines: { burst: 200, perSecond: 10 },
  characters: { burst: 256 * 1024, perSecond: 32 * 1024 },
};

let discarded = 0;

/** Lines that this process did not pass on whole, since its start. */
export function discardedOutputLines(): number {
  return discarded;
}

/** Of all outputs of one process. */
export class OutputLimits {
  readonly #lines: TokenBucket;
  readonly #characters: TokenBucket;
  readonly #nowMs: () => number;

  constructor(nowMs: () => number = () => performance.now()) {
    this.#nowMs = nowMs;
    this.#lines = new TokenBucket(OUTPUT_LIMITS.lines, nowMs());
    this.#characters = new TokenBucket(OUTPUT_LIMITS.characters, nowMs());
  }

  admits(line: string): boolean {
    const now = this.#nowMs();
    const isAdmitted = this.#lines.left(now) >= 1 && this.#characters.left(now) >= line.length;
    if (!isAdmitted) {
      discarded += 1;
      return false;
    }
    this.#lines.take(1);
    this.#characters.take(line.length);
    return true;
  }
}

/** One output, cut into lines. Control characters of a line are replaced: it drives no terminal. */
export class OutputLines {
  readonly #decoder = new TextDecoder();
  readonly #limits: OutputLimits;
  readonly #put: (line: string) => void;
  #begun = '';
  #isCut = false;

  /** `put` takes each line, with its end. */
  constructor(limits: OutputLimits, put: (line: string) => void) {
    this.#limits = limits;
    this.#put = put;
  }

  take(bytes: Buffer): void {
    const [first = '', ...others] = this.#decoder.decode(bytes, { stream: true }).split('\n');
    this.#grow(first);
    for (const other of others) {
      this.#finish();
      this.#grow(other);
    }
  }

  /** The output has ended: what is left of it is a line. */
  end(): void {
    this.#grow(this.#decoder.decode());
    if (this.#begun !== '') this.#finish();
  }

  #grow(text: string): void {
    const room = OUTPUT_LIMITS.lineLength - this.#begun.length;
    this.#isCut ||= text.length > room;
    this.#begun += text.slice(0, room);
  }

  #finish(): void {
    const line = this.#isCut ? `${this.#begun}…` : this.#begun;
    if (this.#limits.admits(line)) {
      if (this.#isCut) discarded += 1;
      this.#put(`${visible(line)}\n`);
    }
    this.#begun = '';
    this.#isCut = false;
  }
}

// SPDX-License-Identifier: Apache-2.0
// A limit of a rate: so much at once, and so much a second after that.

export interface RateLimit {
  readonly burst: number;
  readonly perSecond: number;
}

export class TokenBucket {
  readonly #limit: RateLimit;
  #left: number;
  #filledMs: number;

  constructor(limit: RateLimit, nowMs: number) {
    this.#limit = limit;
    this.#left = limit.burst;
    this.#filledMs = nowMs;
  }

  /** What may be taken now. */
  left(nowMs: number): number {
    const { burst, perSecond } = this.#limit;
    this.#left = Math.min(burst, this.#left + ((nowMs - this.#filledMs) / 1000) * perSecond);
    this.#filledMs = nowMs;
    return this.#left;
  }

  take(amount: number): void {
    this.#left -= amount;
  }
}

// SPDX-License-Identifier: Apache-2.0
// The back-off between the end of the process that answers requests and its next start.

/** At once, and where it ended within LONG_LIFE_MS before that too, 1, 2, 4 … s. */
const FIRST_MS = 1000;
const LONGEST_MS = 30_000;
const LONG_LIFE_MS = 60_000;

export class RestartPause {
  #ms = 0;

  /** Before the start of one after another that lived for `livedMs`. */
  after(livedMs: number): number {
    const ms = livedMs >= LONG_LIFE_MS ? 0 : this.#ms;
    this.#ms = Math.min(LONGEST_MS, Math.max(FIRST_MS, 2 * ms));
    return ms;
  }
}

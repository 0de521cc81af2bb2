// SPDX-License-Identifier: Apache-2.0
// Whether a person asks about this host now: what costs too much to be read all the time is read while one does.

/** How long a question stays open after it was last asked: a command asks each second. */
export const OPEN_MS = 15_000;

export class Question {
  #askedMs = Number.NEGATIVE_INFINITY;

  ask(): void {
    this.#askedMs = performance.now();
  }

  get isOpen(): boolean {
    return performance.now() - this.#askedMs < OPEN_MS;
  }
}

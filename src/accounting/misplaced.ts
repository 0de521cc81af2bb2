// SPDX-License-Identifier: Apache-2.0
// Drops that no program saw, and that may be among the packets that entered: where fentry counts, what is not dropped has entered.

/** Packets that may be counted among those that entered too much, by E1: at least `least`, at most `most`. */
export interface Bounds {
  readonly least: number;
  readonly most: number;
}

export class Misplaced {
  #packets = 0;

  /** Settled as UNTRACED, and not yet known to have been counted as packets that entered, or not to have been. */
  get packets(): number {
    return this.#packets;
  }

  /**
   * `untraced`: drops settled since the last sample. Answers how many of all that are in doubt were counted as packets that entered. Both
   * bounds hold in each sample: what they leave open stays in doubt until `settled`.
   */
  update(untraced: number, { least, most }: Bounds, settled: boolean): number {
    const doubtful = this.#packets + untraced;
    const certain = Math.min(doubtful, Math.max(0, least));
    this.#packets = settled ? 0 : Math.min(doubtful - certain, Math.max(0, most - certain));
    return certain;
  }

  restart(): void {
    this.#packets = 0;
  }
}

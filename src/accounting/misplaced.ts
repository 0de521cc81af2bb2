// SPDX-License-Identifier: Apache-2.0
// Drops that no program saw, and that may be among the packets that entered: where fentry counts, what is not dropped has entered.
import { LastingBound } from './lasting-bound.ts';

/** How many packets too many are counted among those that entered, by E1: at least `least`, at most `most`. */
export interface Bounds {
  readonly least: number;
  readonly most: number;
}

export class Misplaced {
  #packets = 0;
  readonly #tooMany = new LastingBound();

  /** Drops settled as UNTRACED. It is not known yet whether they were counted as packets that entered. */
  get packets(): number {
    return this.#packets;
  }

  /**
   * `untraced`: drops settled since the last sample. Returns how many of all that are in doubt were counted as packets that entered: the
   * least that three samples in a row show, for one may miss packets that are just taken out or thrown out; at a settled device the figure itself.
   */
  update(untraced: number, { least, most }: Bounds, settled: boolean): number {
    const doubtful = this.#packets + untraced;
    const certain = this.#tooMany.update(Math.min(doubtful, least), settled);
    this.#packets = settled ? 0 : Math.min(doubtful - certain, Math.max(0, most - certain));
    return certain;
  }

  /** Counting begins anew. */
  restart(): void {
    this.#packets = 0;
    this.#tooMany.restart();
  }
}

// SPDX-License-Identifier: Apache-2.0
// Losses before tun, some of them in the kernel's tx_dropped too: how many of its drops they explain since the accounting began.

/** Read after the kernel's counter: a packet lost in between is in these counts now, and in the kernel's at the next sample. */
export class PreTunLosses {
  /** The count when the accounting began. */
  #base = 0;
  /** The most that was lost between the two readings then; at the first rest it is what was. */
  #slack = 0;
  /** The count at the last sample. */
  #last = 0;

  /** Infinite: they are not counted, and they may explain anything. */
  open(counted: number): void {
    if (!Number.isFinite(counted)) return;
    this.#slack = counted - this.#last;
    this.#base = counted;
  }

  /** Keeps the count after each sample. */
  seen(counted: number): void {
    if (Number.isFinite(counted)) this.#last = counted;
  }

  /** The most drops of the kernel's that they explain. */
  explained(counted: number): number {
    return counted - this.#base + this.#slack;
  }

  /** The part of `excess` (kernel's drops beyond ours) without an explanation. At rest the last sample has them all. */
  settle(excess: number): number {
    const counted = this.#last - this.#base;
    this.#slack = Math.max(0, Math.min(this.#slack, excess - counted));
    return excess > 0 ? Math.max(0, excess - counted - this.#slack) : excess;
  }
}

// SPDX-License-Identifier: Apache-2.0
// A lower bound that single samples may show too high: under load it counts as far as several samples in a row show it.

/** Samples in a row that must show a difference before it counts under load: a program may run later than the reader of its packet. */
const SAMPLES = 3;

export class LastingBound {
  #bounds: number[] = [];

  /** The least that each of the last samples showed; -Infinity: there are too few samples. */
  get least(): number {
    return this.#bounds.length < SAMPLES ? Number.NEGATIVE_INFINITY : Math.min(...this.#bounds);
  }

  /** Returns how much is certain now, which later bounds do not contain. `isFigure`: this sample's bound is the figure itself. */
  update(bound: number, isFigure: boolean): number {
    this.#bounds = [...this.#bounds, bound].slice(-SAMPLES);
    const certain = Math.max(0, isFigure ? bound : this.least);
    this.#bounds = this.#bounds.map((one) => one - certain);
    return certain;
  }

  /** Counting begins anew: the samples before were compared by another equation. */
  restart(): void {
    this.#bounds = [];
  }
}

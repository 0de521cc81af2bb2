// SPDX-License-Identifier: Apache-2.0
// How far the programs' counts were from the kernel's when the accounting began: what moved while both were read.

/** Packets that the programs have more than the kernel; of `entered` and `dropped` fewer. */
export interface Offset {
  readonly delivered: number;
  readonly dropped: number;
  readonly entered: number;
}

export const NO_OFFSET: Offset = { delivered: 0, dropped: 0, entered: 0 };

/** The offset at the first rest: takes a value of `now` that differs from the known one by `most` packets at most. */
export function narrowed(known: Offset, now: Partial<Offset>, most: number): Offset {
  const within = (before: number, value = before): number => (Math.abs(value - before) <= most ? value : before);
  return {
    delivered: within(known.delivered, now.delivered),
    dropped: within(known.dropped, now.dropped),
    entered: within(known.entered, now.entered),
  };
}

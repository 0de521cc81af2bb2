// SPDX-License-Identifier: Apache-2.0
// A long page is made in slices: timers and other clients of the process get their turn between them.
import { setImmediate } from 'node:timers/promises';

export interface Slices {
  /** Ask it between small pieces of work. */
  readonly due: () => boolean;
  readonly pause: () => Promise<void>;
}

/** Two pages in the making and the garbage collector together stay far below the 10 ms that a timer may be late. */
const sliceMs = 2;

export function createSlices(): Slices {
  let began = performance.now();
  return {
    due: () => performance.now() - began >= sliceMs,
    pause: async () => {
      await setImmediate();
      began = performance.now();
    },
  };
}

// SPDX-License-Identifier: Apache-2.0
// How slow this machine is at the moment, for neighbours take of it: limits of time and of CPU have to allow for that.
import { run } from './run.ts';

/** `node -e 0` on two idle cores of the kind that CI has. */
const BARE_START_MS = 60;
const STARTS = 5;

/** Milliseconds that an empty program takes. */
export async function bareStart(): Promise<number> {
  const began = performance.now();
  await run(process.execPath, ['-e', '0']);
  return performance.now() - began;
}

/** How many times as long a start takes as at rest: the median of these starts, and 1 at least. */
export function slownessOf(startsMs: readonly number[]): number {
  const median = startsMs.toSorted((a, b) => a - b)[Math.floor(startsMs.length / 2)] ?? 0;
  return Math.max(1, median / BARE_START_MS);
}

/** How many times as long a start takes now. */
export async function slowness(): Promise<number> {
  const starts: number[] = [];
  while (starts.length < STARTS) starts.push(await bareStart());
  return slownessOf(starts);
}

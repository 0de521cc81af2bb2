// SPDX-License-Identifier: Apache-2.0
// Which Linux runs here, for what only some versions do.
import { release } from 'node:os';

const [ownMajor = 0, ownMinor = 0] = release()
  .split('.')
  .map((part) => Number.parseInt(part, 10));

/** As lab/vm/kernels.json has it. */
export const ownSeries = `${ownMajor}.${ownMinor}`;

/** This version, or a later one. */
export function isSince(major: number, minor: number): boolean {
  return ownMajor > major || (ownMajor === major && ownMinor >= minor);
}

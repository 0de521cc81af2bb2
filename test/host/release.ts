// SPDX-License-Identifier: Apache-2.0
// The version of Linux that runs here, for what only some versions do.
import { release } from 'node:os';

const [ownMajor = 0, ownMinor = 0] = release()
  .split('.')
  .map((part) => Number.parseInt(part, 10));

/** The series of this kernel, as lab/vm/kernels.json names it. */
export const ownSeries = `${ownMajor}.${ownMinor}`;

/** Whether the kernel has this version or a later one. */
export function isSince(major: number, minor: number): boolean {
  return ownMajor > major || (ownMajor === major && ownMinor >= minor);
}

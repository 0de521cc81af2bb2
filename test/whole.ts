// SPDX-License-Identifier: Apache-2.0
// WHOLE=1 plays what takes too long for every change: CONTRIBUTING.md, "By hand".

/** All cases, the long runs, and random input from a fresh seed. */
export const isWhole = Boolean(process.env.WHOLE);

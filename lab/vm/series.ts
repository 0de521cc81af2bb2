// SPDX-License-Identifier: Apache-2.0
// The kernels on which everything is tested, by the first two numbers of their release; lab/vm/kernels.json has their packages.

/** Series of kernels, oldest first. */
export const SERIES = ['6.1', '6.12', '7.2', '7.3'] as const;

export type Series = (typeof SERIES)[number];

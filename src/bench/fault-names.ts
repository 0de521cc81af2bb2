// SPDX-License-Identifier: Apache-2.0
// The faults of `tapscope demo` by the rules that are to find them, in the order in which they are played.

export const FAULT_NAMES = [
  'reader-stalled',
  'ring-full-burst',
  'reader-cpu-bound',
  'txqlen-zero',
  'no-reader',
] as const;

export type FaultName = (typeof FAULT_NAMES)[number];

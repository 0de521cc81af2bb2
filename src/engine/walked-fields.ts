// SPDX-License-Identifier: Apache-2.0
// Forms that fields of the walk's records share.

/** IFNAMSIZ, which the names of qdiscs and threads have too. */
export const NAME_BYTES = 16;

/** undefined: NOT_COUNTED of bpf/walk/walk.bpf.h. */
export function counted(number: bigint): number | undefined {
  return number === 2n ** 64n - 1n ? undefined : Number(number);
}

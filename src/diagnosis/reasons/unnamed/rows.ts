// SPDX-License-Identifier: Apache-2.0
// Rows by the kernel function that freed the packet, where it gives no reason. Where one function frees for several causes and the kernel does not tell, the row says all of them.
import type { DropRow } from '../drop-row.ts';

/** By the function's name. */
export type UnnamedRows = readonly (readonly [string, readonly DropRow[]])[];

/** Those of a reason, for functions that free for it alone. */
export function rowsOf(rows: readonly DropRow[] | undefined, at: readonly string[]): UnnamedRows {
  return at.map((name) => [name, (rows ?? []).filter((row) => row.at === undefined || row.at.includes(name))]);
}

export function one(row: DropRow): readonly DropRow[] {
  return [row];
}

export function same(row: DropRow, ...at: readonly string[]): UnnamedRows {
  return at.map((name) => [name, [row]]);
}

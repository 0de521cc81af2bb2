// SPDX-License-Identifier: Apache-2.0
// What answers of /api/v1 have in common.
import type { Window } from '../diagnosis/window.ts';

export function when({ endedAt, seconds }: Window): { readonly takenAt: number; readonly seconds: number } {
  return { takenAt: endedAt, seconds };
}

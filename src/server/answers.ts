// SPDX-License-Identifier: Apache-2.0
// Common parts of answers of /api/v1.
import type { Window } from '../diagnosis/window.ts';

export function when({ endedAt, seconds }: Window): { readonly takenAt: number; readonly seconds: number } {
  return { takenAt: endedAt, seconds };
}

// SPDX-License-Identifier: Apache-2.0
// Common parts of answers of /api/v1.
import type { Window } from '../diagnosis/window.ts';
import { OLDEST_SECONDS } from './latest-snapshot.ts';
import { later } from './refusals.ts';

export const JSON_TYPE = 'application/json; charset=utf-8';

export function when({ endedAt, seconds }: Window): { readonly takenAt: number; readonly seconds: number } {
  return { takenAt: endedAt, seconds };
}

/** A finding of minutes ago is not told as if it were so now. */
export function refuseOld({ endedAt }: Pick<Window, 'endedAt'>): void {
  const age = Date.now() / 1000 - endedAt;
  if (age > OLDEST_SECONDS)
    throw later(`The newest judgement is ${Math.round(age)} s old: the agent gets no CPU, or is stopped.`);
}

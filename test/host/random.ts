// SPDX-License-Identifier: Apache-2.0
// Random numbers that a printed seed brings back.
import { isWhole } from '../whole.ts';

export interface Random {
  /** A whole number from 0 to limit − 1. */
  below(limit: number): number;
  pick<Item>(items: readonly Item[]): Item | undefined;
}

/** mulberry32 */
export function randomOf(seed: number): Random {
  let state = seed >>> 0;
  const below = (limit: number): number => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32) * limit);
  };
  return { below, pick: (items) => items[below(items.length)] };
}

/** Two of its first lives of guests stop, close and detach queues of four on Linux 7.3. */
const USUAL_SEED = 3049650334;

/** The same in every run but with WHOLE=1, which finds what is rare; SEED from the environment repeats a run. Printed. */
export function seedOf(t: { diagnostic(message: string): void }): number {
  const seed = Number(process.env.SEED ?? (isWhole ? Math.floor(Math.random() * 2 ** 32) : USUAL_SEED));
  t.diagnostic(`SEED=${seed}`);
  return seed;
}

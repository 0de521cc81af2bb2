// SPDX-License-Identifier: Apache-2.0
// Random numbers that a printed seed brings back.

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

/** SEED from the environment repeats a run; printed, so that a failure can be. `daily`: of every run but the nightly one. */
export function seedOf(t: { diagnostic(message: string): void }, daily?: number): number {
  const { SEED, NIGHTLY } = process.env;
  const seed = Number(SEED ?? (NIGHTLY ? undefined : daily) ?? Math.floor(Math.random() * 2 ** 32));
  t.diagnostic(`SEED=${seed}`);
  return seed;
}

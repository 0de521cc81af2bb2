// SPDX-License-Identifier: Apache-2.0
// Observations in powers of two, as the kernel keeps them, in the buckets that a histogram shows.
import type { Distribution } from '../metric.ts';
import type { Observations } from '../snapshot/queue.ts';

/** Bits of a value: 1 µs, 4 µs … 17 s in nanoseconds. */
const DURATION_BITS = [10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30, 32, 34];
/** 0, 3, 15 … 4095. */
const PACKET_BITS = [0, 2, 4, 6, 8, 10, 12];

const DURATION_BOUNDS = DURATION_BITS.map((bits) => 2 ** bits / 1e9);
const PACKET_BOUNDS = PACKET_BITS.map((bits) => 2 ** bits - 1);

export function durations(observations: Observations | undefined): Distribution | undefined {
  return observations && distribution(observations, DURATION_BITS, DURATION_BOUNDS, 1e9);
}

export function packets(observations: Observations | undefined): Distribution | undefined {
  return observations && distribution(observations, PACKET_BITS, PACKET_BOUNDS, 1);
}

/** Fewer and wider buckets than were counted; `perUnit`: of what was counted in the metric's unit. */
function distribution(
  { buckets, sum }: Observations,
  boundBits: readonly number[],
  bounds: readonly number[],
  perUnit: number,
): Distribution {
  const wide = new Array<number>(boundBits.length + 1).fill(0);
  let into = 0;
  for (let bits = 0; bits < buckets.length; bits += 1) {
    while (into < boundBits.length && bits > (boundBits[into] ?? 0)) into += 1;
    wide[into] = (wide[into] ?? 0) + (buckets[bits] ?? 0);
  }
  return { bounds, buckets: wide, sum: sum / perUnit };
}

// SPDX-License-Identifier: Apache-2.0
// The straight line through samples of one quantity over time, and how far its slope may be off.
import { sumOf } from '../../src/engine/queue-sums.ts';

export interface Point {
  /** Seconds. */
  readonly at: number;
  readonly value: number;
}

/** The slope per second, with its 99.9 % interval. */
export interface Fit {
  readonly slope: number;
  readonly low: number;
  readonly high: number;
  /** The number of independent samples that the points are worth. */
  readonly effective: number;
}

/** The quantile of the normal distribution for an interval of 99.9 %. */
const Z = 3.2905267;
/** The fewest samples with which the interval says something. */
const LEAST_EFFECTIVE = 6;

/**
 * Least squares. Samples of memory follow one another: with the lag-1 autocorrelation r of the residuals, n samples are worth n (1 − r) / (1 + r).
 * The standard error and Student's t are those of so many (Santer et al., Journal of Geophysical Research 105, 2000).
 */
export function fitLine(points: readonly Point[]): Fit {
  const n = points.length;
  if (n < LEAST_EFFECTIVE) throw new Error(`${n} samples are too few for a line.`);
  const [meanAt, meanValue] = [mean(points.map(({ at }) => at)), mean(points.map(({ value }) => value))];
  const spread = sumOf(points.map(({ at }) => (at - meanAt) ** 2));
  const slope = sumOf(points.map(({ at, value }) => (at - meanAt) * (value - meanValue))) / spread;
  const residuals = points.map(({ at, value }) => value - meanValue - slope * (at - meanAt));
  const squares = sumOf(residuals.map((residual) => residual ** 2));
  if (squares < Number.EPSILON * n * Math.max(1, meanValue ** 2))
    return { slope, low: slope, high: slope, effective: n };
  const follows = residuals.slice(1).map((residual, index) => residual * (residuals[index] ?? 0));
  const r = Math.max(0, sumOf(follows) / squares);
  const effective = Math.max(LEAST_EFFECTIVE, (n * (1 - r)) / (1 + r));
  const error = Math.sqrt(squares / (effective - 2) / spread);
  const reach = studentT(effective - 2) * error;
  return { slope, low: slope - reach, high: slope + reach, effective };
}

/** Student's t for an interval of 99.9 % (Abramowitz and Stegun 26.7.5; within 5 % from 4 degrees of freedom on). */
export function studentT(degrees: number): number {
  const [z3, z5, z7] = [Z ** 3, Z ** 5, Z ** 7];
  return (
    Z +
    (z3 + Z) / (4 * degrees) +
    (5 * z5 + 16 * z3 + 3 * Z) / (96 * degrees ** 2) +
    (3 * z7 + 19 * z5 + 17 * z3 - 15 * Z) / (384 * degrees ** 3)
  );
}

const mean = (values: readonly number[]): number => sumOf(values) / values.length;

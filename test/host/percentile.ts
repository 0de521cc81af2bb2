// SPDX-License-Identifier: Apache-2.0
// Percentiles of measured values.

/** The least value that so large a share of all values does not exceed (0.5: the median); NaN if there is no value. */
export function percentile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? Number.NaN;
}

export function median(values: readonly number[]): number {
  return percentile(values, 0.5);
}

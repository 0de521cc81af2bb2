// SPDX-License-Identifier: Apache-2.0
// Figures in few signs, for tables; – is not measured.

/** 0, 999, 12.3k, 1.23M. */
export function short(number: number | undefined): string {
  if (number === undefined) return '–';
  const [divisor, unit] = number < 999.5 ? [1, ''] : number < 999_500 ? [1e3, 'k'] : [1e6, 'M'];
  const scaled = number / divisor;
  if (unit === '') return scaled > 0 && scaled < 10 ? scaled.toFixed(1) : scaled.toFixed(0);
  return scaled.toFixed(scaled < 9.995 ? 2 : scaled < 99.95 ? 1 : 0) + unit;
}

export function percent(share: number | undefined): string {
  return share === undefined ? '–' : `${Math.round(100 * Math.min(1, share))}%`;
}

export function time(seconds: number | undefined): string {
  if (seconds === undefined) return '–';
  const [scale, unit] = seconds < 1e-3 ? [1e6, 'us'] : seconds < 1 ? [1e3, 'ms'] : [1, 's'];
  return Number((seconds * scale).toPrecision(2)) + unit;
}

// SPDX-License-Identifier: Apache-2.0
// Figures as Grafana writes them, near enough for a picture.

const prefixes = ['', 'k', 'M', 'G'];

export function figure(value: number, unit: string | undefined): string {
  if (unit === 'percentunit') return `${significant(value * 100)} %`;
  if (unit === 's') return seconds(value);
  const suffix = { pps: 'p/s', Bps: 'B/s', cps: 'c/s' }[unit ?? ''] ?? '';
  let scaled = value;
  let power = 0;
  while (Math.abs(scaled) >= 1000 && power < prefixes.length - 1) {
    scaled /= 1000;
    power++;
  }
  return `${significant(scaled)} ${prefixes[power]}${suffix}`.trim();
}

function seconds(value: number): string {
  if (value === 0) return '0 s';
  if (value < 0.9995e-3) return `${significant(value * 1e6)} µs`;
  return value < 1 ? `${significant(value * 1e3)} ms` : `${significant(value)} s`;
}

function significant(value: number): string {
  return String(Number(value.toPrecision(3)));
}

/** Round values from the lowest to the highest, both included, about `steps` of them. */
export function ticks(low: number, high: number, steps = 3): readonly number[] {
  const rough = (high - low) / steps || 1;
  const magnitude = 10 ** Math.floor(Math.log10(rough));
  const step = magnitude * ([1, 2, 5, 10].find((factor) => factor * magnitude >= rough) ?? 10);
  const first = Math.floor(low / step);
  const last = Math.max(first + 1, Math.ceil(high / step));
  return Array.from({ length: last - first + 1 }, (_, index) => (first + index) * step);
}

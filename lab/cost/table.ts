// SPDX-License-Identifier: Apache-2.0
// The measured prices as a table: what the paths cost with nothing attached, and what each configuration adds.
import { BASELINE, CONFIGURATIONS, PATHS, type Prices } from './configurations.ts';

export type Measured = ReadonlyMap<string, Prices>;

/** Differences below this are noise. */
const NOISE = 8;

export function priceTable(measured: Measured): string {
  const baseline = measured.get(BASELINE.name);
  const rows = [...measured].map(([name, prices]) => [
    name,
    ...PATHS.map((path) =>
      baseline && name !== BASELINE.name ? added(prices[path] - baseline[path]) : String(Math.round(prices[path])),
    ),
  ]);
  const header = ['attached', ...PATHS];
  return [header, header.map((_, column) => (column === 0 ? '---' : '--:')), ...rows]
    .map((cells) => `| ${cells.join(' | ')} |`)
    .join('\n');
}

function added(instructions: number): string {
  return Math.abs(instructions) < NOISE ? '·' : `${instructions < 0 ? '−' : '+'}${Math.abs(Math.round(instructions))}`;
}

/** One sentence for each limit that does not hold. */
export function brokenLimits(measured: Measured): readonly string[] {
  const baseline = measured.get(BASELINE.name);
  return CONFIGURATIONS.flatMap(({ name, limits = {} }) => {
    const prices = measured.get(name);
    if (!baseline || !prices) return [`'${name}' was not measured.`];
    return PATHS.flatMap((path) => {
      const more = prices[path] - baseline[path];
      const limit = limits[path];
      return limit !== undefined && more > limit
        ? [`'${name}' adds ${Math.round(more)} instructions to ${path}, ${limit} are allowed.`]
        : [];
    });
  });
}

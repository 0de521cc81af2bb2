// SPDX-License-Identifier: Apache-2.0
// Has a packet become dearer? Clocks only what the baseline has.
import { BASELINE_CONFIGURATIONS, type Growth, growthOf, readBaseline } from './baseline.ts';
import { measureOn } from './measure-paths.ts';

/** The kernels that are clocked; the limits of configurations.ts hold for the first. */
export const SERIES: readonly [string, string] = ['7.3', '6.1'];

export async function growthOn(series: string, say: (line: string) => void): Promise<readonly Growth[]> {
  const extent = { configurations: BASELINE_CONFIGURATIONS, rounds: 3, scales: true, timeoutMs: 1_200_000 };
  const measured = await measureOn(series, extent, say);
  return growthOf(readBaseline(series), measured.prices);
}

export function growthLine({ configuration, path, before, now, ratio }: Growth): string {
  const shown = (instructions: number | undefined): string => instructions?.toFixed(0) ?? '–';
  const percent = `${ratio < 0 ? '' : '+'}${(ratio * 100).toFixed(2)} %`;
  return `${configuration}, ${path}: +${shown(before)} → +${shown(now)} instructions (${percent} of the whole)`;
}

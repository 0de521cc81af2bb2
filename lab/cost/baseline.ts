// SPDX-License-Identifier: Apache-2.0
// baseline.json: what a packet cost when the prices were last accepted; what is dearer by more than 2 % has grown.
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { at, parseJson } from '../host/checked-json.ts';
import { BASELINE, GUARDED } from './configurations.ts';
import { added } from './cost-table.ts';
import { type Measured, pricesOf } from './measure-paths.ts';
import { type Path, type Prices, pathNames } from './packet-paths.ts';

export const baselineFile = join(dirname(fileURLToPath(import.meta.url)), 'baseline.json');

/** Of all instructions that the packet costs; the noise is a tenth of it. */
const TOLERANCE = 0.02;

/** Everything that is guarded against growth, and what it is compared with. */
export const BASELINE_CONFIGURATIONS: readonly string[] = [BASELINE, ...GUARDED];

export interface Growth {
  readonly configuration: string;
  readonly path: Path;
  /** Instructions per packet; undefined: no longer, or not yet, measured. */
  readonly before: number | undefined;
  readonly now: number | undefined;
  /** Of the total; 0.01 is 1 % dearer. */
  readonly ratio: number;
  readonly tooMuch: boolean;
}

export type PricesByConfiguration = ReadonlyMap<string, Prices>;

/** By series of kernels; empty if there is none for it. */
export function readBaseline(series: string): PricesByConfiguration {
  const kernel = at(parseJson(readFileSync(baselineFile, 'utf8')), series);
  const known = BASELINE_CONFIGURATIONS.filter((name) => at(kernel, name) !== undefined);
  return new Map(known.map((name) => [name, pricesOf(at(kernel, name))]));
}

export function baselineText(measured: ReadonlyMap<string, Measured>): string {
  const kernels = [...measured].map(([series, { kernel, prices }]) => [
    series,
    { kernel, ...Object.fromEntries(BASELINE_CONFIGURATIONS.map((name) => [name, prices.get(name) ?? {}])) },
  ]);
  return `${JSON.stringify(Object.fromEntries(kernels), undefined, 2)}\n`;
}

/**
 * What is added is compared, in parts of the whole: so the machine's kernel may be a newer one than the baseline's, and its
 * packets may cost something else with nothing attached.
 */
export function growthOf(before: PricesByConfiguration, now: PricesByConfiguration): readonly Growth[] {
  return GUARDED.flatMap((configuration) =>
    pathNames.flatMap((path) => {
      const known = before.get(configuration) ?? {};
      const then = added(path, known, before.get(BASELINE) ?? {});
      const today = added(path, now.get(configuration) ?? {}, now.get(BASELINE) ?? {});
      if (then === undefined && today === undefined) return [];
      const ratio = ((today ?? 0) - (then ?? 0)) / (known[path] ?? 1);
      const tooMuch = then === undefined || today === undefined || ratio > TOLERANCE;
      return [{ configuration, path, before: then, now: today, ratio, tooMuch }];
    }),
  );
}

/** One sentence for each that grew. */
export function grown(growth: readonly Growth[]): readonly string[] {
  return growth
    .filter(({ tooMuch }) => tooMuch)
    .map(({ configuration, path, before, now, ratio }) => {
      if (before === undefined) return `'${configuration}' has no baseline for '${path}': run npm run bench:cost.`;
      if (now === undefined) return `'${configuration}' was not measured on '${path}', but the baseline has it.`;
      const percent = `${(ratio * 100).toFixed(1)} % of all its instructions`;
      return (
        `'${configuration}' adds ${Math.round(now)} instructions to '${path}', the baseline ${Math.round(before)}: ` +
        `${percent} more. Make it cheaper, or accept the price with npm run bench:cost.`
      );
    });
}

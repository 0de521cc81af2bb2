// SPDX-License-Identifier: Apache-2.0
// baseline.json: what a packet cost by each configuration when that was last measured; what is guarded and dearer by more than 2 % has grown (5 % with many rings).
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { at, numberAt, parseJson, textAt } from '../../test/host/checked-json.ts';
import { BASELINE, CONFIGURATIONS, GUARDED } from './configurations.ts';
import { added } from './cost-table.ts';
import { type Measured, measureOn, pricesOf } from './measure-paths.ts';
import { type Path, type Prices, pathNames, SCALED_PATHS, type ScaledPath, scaledPathNames } from './packet-paths.ts';

export const baselineFile = join(import.meta.dirname, 'baseline.json');

/** The allowed growth, as a part of all instructions that the packet costs; the noise is a tenth of it. */
const TOLERANCE = 0.02;
/** The same where rings take turns. Which rows share a cell depends on the kernel's addresses: two runs differed by up to 3 %. */
const TURNS_TOLERANCE = 0.05;

/** Everything that is guarded against growth, and what it is compared with. */
export const BASELINE_CONFIGURATIONS: readonly string[] = [BASELINE, ...GUARDED];

interface Growth {
  readonly configuration: string;
  readonly path: Path | ScaledPath;
  /** Instructions per packet; undefined: not measured (any more, or yet). */
  readonly before: number | undefined;
  readonly now: number | undefined;
  /** The growth as a part of the total: 0.01 is 1 % dearer. */
  readonly ratio: number;
  readonly tooMuch: boolean;
}

interface Recorded extends Measured {
  /** Between two runs, as a part of a packet's whole price. */
  readonly difference: number;
}

export interface Measurement {
  readonly measured: Measured;
  readonly difference: number;
}

type PricesByConfiguration = ReadonlyMap<string, Prices>;

/** The committed prices of a kernel's series; empty if it has none. */
export function readBaseline(series: string): PricesByConfiguration {
  const kernel = at(parseJson(readFileSync(baselineFile, 'utf8')), series);
  const known = BASELINE_CONFIGURATIONS.filter((name) => at(kernel, name) !== undefined);
  return new Map(known.map((name) => [name, pricesOf(at(kernel, name))]));
}

/** What was last measured on these kernels; without those that were not. */
export function readMeasured(series: readonly string[]): ReadonlyMap<string, Recorded> {
  const file = parseJson(readFileSync(baselineFile, 'utf8'));
  return new Map(
    series.flatMap((one) => (at(file, one) === undefined ? [] : [[one, recorded(at(file, one))] as const])),
  );
}

function recorded(kernel: unknown): Recorded {
  const names = CONFIGURATIONS.map(({ name }) => name);
  const priced = names.filter((name) => at(kernel, name) !== undefined);
  const without = names.filter((name) => at(kernel, 'not run', name) !== undefined);
  return {
    kernel: textAt(kernel, 'kernel'),
    difference: numberAt(kernel, 'difference'),
    prices: new Map(priced.map((name) => [name, pricesOf(at(kernel, name))])),
    notRun: new Map(without.map((name) => [name, textAt(kernel, 'not run', name)])),
  };
}

/** Joins past and new prices, in the order of the tables. A price that was not measured now stays, unless the kernel is another. */
export function together(before: Recorded | undefined, { measured, difference }: Measurement): Recorded {
  const past = before?.kernel === measured.kernel ? before : undefined;
  const isNew = (name: string): boolean => measured.prices.has(name) || measured.notRun.has(name);
  const inOrder = <Value>(old: ReadonlyMap<string, Value> | undefined, now: ReadonlyMap<string, Value>) =>
    new Map(
      CONFIGURATIONS.flatMap(({ name }) => {
        const value = isNew(name) ? now.get(name) : old?.get(name);
        return value === undefined ? [] : [[name, value] as const];
      }),
    );
  return {
    kernel: measured.kernel,
    difference,
    prices: inOrder(past && beside(past.prices, measured.prices.get(BASELINE)), measured.prices),
    notRun: inOrder(past?.notRun, measured.notRun),
  };
}

/** What these added then, on top of what a packet costs now with nothing attached. */
function beside(past: PricesByConfiguration, nothing: Prices | undefined): PricesByConfiguration {
  const then = past.get(BASELINE) ?? {};
  const moved = (path: Path | ScaledPath, price: number): number =>
    Math.round(10 * (price + (nothing?.[path] ?? 0) - (nothing?.[path] === undefined ? 0 : (then[path] ?? 0)))) / 10;
  const all = [...pathNames, ...scaledPathNames];
  const prices = (own: Prices): Prices =>
    Object.fromEntries(all.flatMap((path) => (own[path] === undefined ? [] : [[path, moved(path, own[path])]])));
  return new Map([...past].map(([name, own]) => [name, prices(own)]));
}

export function baselineText(measured: ReadonlyMap<string, Recorded>): string {
  const kernels = [...measured].map(([series, { kernel, difference, prices, notRun }]) => [
    series,
    { kernel, difference, ...Object.fromEntries(prices), 'not run': Object.fromEntries(notRun) },
  ]);
  return `${JSON.stringify(Object.fromEntries(kernels), undefined, 2)}\n`;
}

/**
 * What is added is compared, in parts of the whole: so the machine's kernel may be a newer one than the baseline's, and its
 * packets may cost something else with nothing attached.
 */
export function growthOf(before: PricesByConfiguration, now: PricesByConfiguration): readonly Growth[] {
  return GUARDED.flatMap((configuration) =>
    [...pathNames, ...scaledPathNames].flatMap((path) => {
      const known = before.get(configuration) ?? {};
      const then = added(path, known, before.get(BASELINE) ?? {});
      const today = added(path, now.get(configuration) ?? {}, now.get(BASELINE) ?? {});
      if (then === undefined && today === undefined) return [];
      const ratio = ((today ?? 0) - (then ?? 0)) / (known[path] ?? 1);
      const allowed = path in SCALED_PATHS ? TURNS_TOLERANCE : TOLERANCE;
      const tooMuch = then === undefined || today === undefined || ratio > allowed;
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

/** The kernels that are clocked; the limits of configurations.ts hold for the first. */
export const SERIES: readonly [string, string] = ['7.3', '6.1'];

/** What else the VM's one CPU does now and then only adds: what has grown is clocked once more, and the lower price is the nearer one. */
export async function growthOn(series: string, say: (line: string) => void): Promise<readonly Growth[]> {
  const extent = { configurations: BASELINE_CONFIGURATIONS, rounds: 3, scales: true, timeoutMs: 1_200_000 };
  const baseline = readBaseline(series);
  const { prices } = await measureOn(series, extent, say);
  const growth = growthOf(baseline, prices);
  const dearer = new Set(growth.flatMap(({ tooMuch, configuration }) => (tooMuch ? [configuration] : [])));
  if (dearer.size === 0) return growth;
  const again = await measureOn(series, { ...extent, configurations: [BASELINE, ...dearer] }, say);
  const second = growthOf(baseline, new Map([...prices, ...again.prices]));
  return growth.map((one, place) => {
    const other = second[place];
    return other !== undefined && one.tooMuch && other.ratio < one.ratio ? other : one;
  });
}

export function growthLine({ configuration, path, before, now, ratio }: Growth): string {
  const shown = (instructions: number | undefined): string => instructions?.toFixed(0) ?? '–';
  const percent = `${ratio < 0 ? '' : '+'}${(ratio * 100).toFixed(2)} %`;
  return `${configuration}, ${path}: +${shown(before)} → +${shown(now)} instructions (${percent} of the whole)`;
}

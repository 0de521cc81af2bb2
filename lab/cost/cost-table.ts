// SPDX-License-Identifier: Apache-2.0
// The measured prices as tables: what the paths cost with nothing attached, and what each configuration adds.
import { markdown } from '../report/report.ts';
import {
  BASELINE,
  CONFIGURATIONS,
  COUNTS_ALL,
  type Configuration,
  DEFAULT_LEVEL,
  GUARDED,
  isScaled,
  LEAN_LEVEL,
} from './configurations.ts';
import type { Measured } from './measure-paths.ts';
import { type Path, type Prices, pathNames, SCALES, type ScaledPath, scaledPathNames } from './packet-paths.ts';

/**
 * What many devices or queues in turn may change, as a part of the packet's whole price. A row that is not the newest must be
 * found in the table; which rows share a cell depends on the kernel's addresses, so that two runs differ by up to 0.03.
 */
export const SCALE_LIMIT = 0.05;

/** The allowed difference of two runs, as a part of the packet's whole price. */
const REPEAT_LIMIT = 0.015;

/** Differences below this are noise. */
export const NOISE = 8;
/** The same with many rings: raw mode, which has no program where packets are read, differs by -11 to +13 there. */
const SCALED_NOISE = 16;

export function priceTable({ prices }: Measured): string {
  const nothing = prices.get(BASELINE) ?? {};
  const rows: string[][] = [
    ['attached', ...pathNames],
    [BASELINE, ...pathNames.map((path) => total(nothing[path]))],
  ];
  let group = '';
  for (const configuration of CONFIGURATIONS) {
    const own = prices.get(configuration.name);
    if (!own || configuration.name === BASELINE) continue;
    if (configuration.group !== group) rows.push([`**${configuration.group}**`, ...pathNames.map(() => '')]);
    group = configuration.group;
    rows.push([configuration.name, ...pathNames.map((path) => more(added(path, own, nothing)))]);
  }
  return markdown(rows);
}

/** What enqueue, drop and read cost more with many devices and queues. */
export function scaleTable({ prices }: Measured): string {
  const nothing = prices.get(BASELINE) ?? {};
  const scaled = CONFIGURATIONS.filter((one) => isScaled(one) && one.name !== BASELINE && prices.has(one.name));
  const header = ['attached', ...SCALED_COLUMNS.flatMap((path) => [path, ...SCALES.map((scale) => scale)])];
  return markdown([
    header,
    ...scaled.map(({ name }) => [
      name,
      ...SCALED_COLUMNS.flatMap((path) =>
        [path, ...SCALES.map((scale): ScaledPath => `${path}, ${scale}`)].map((one) =>
          more(added(one, prices.get(name) ?? {}, nothing), noiseOf(one)),
        ),
      ),
    ]),
  ]);
}

/** Some row has them. */
export function hasScales({ prices }: Measured): boolean {
  return [...prices.values()].some((own) => scaledPathNames.some((path) => own[path] !== undefined));
}

const SCALED_COLUMNS = ['enqueue', 'drop', 'read'] as const;

/** The largest difference that many rings make to these, as a part of the packet's whole price. */
export function widest({ prices }: Measured, configurations: readonly string[]): number {
  const nothing = prices.get(BASELINE) ?? {};
  const differences = [...prices]
    .filter(([name]) => configurations.includes(name))
    .flatMap(([, own]) =>
      SCALED_COLUMNS.flatMap((path) =>
        SCALES.map((scale): ScaledPath => `${path}, ${scale}`).map((scaled) => {
          const more = added(scaled, own, nothing);
          return more === undefined ? 0 : (more - (added(path, own, nothing) ?? 0)) / (own[path] ?? 1);
        }),
      ),
    );
  return Math.max(0, ...differences.map(Math.abs));
}

/** Undefined: the kernel does not have the path, or it was not clocked. */
export function added(path: Path | ScaledPath, prices: Prices, nothing: Prices): number | undefined {
  const [with_, without] = [prices[path], nothing[path]];
  return with_ === undefined || without === undefined ? undefined : with_ - without;
}

function total(instructions: number | undefined): string {
  return instructions === undefined ? '–' : String(Math.round(instructions));
}

function noiseOf(path: Path | ScaledPath): number {
  return pathNames.some((one) => one === path) ? NOISE : SCALED_NOISE;
}

function more(instructions: number | undefined, noise = NOISE): string {
  if (instructions === undefined) return '–';
  if (Math.abs(instructions) < noise) return '·';
  return `${instructions < 0 ? '−' : '+'}${Math.abs(Math.round(instructions))}`;
}

interface Limit {
  readonly configuration: string;
  readonly path: Path | ScaledPath;
  readonly added: number;
  readonly limit: number;
  readonly holds: boolean;
}

export function limitsOf({ prices }: Measured): readonly Limit[] {
  const nothing = prices.get(BASELINE) ?? {};
  return CONFIGURATIONS.flatMap((configuration) => {
    const own = prices.get(configuration.name);
    return own ? limitsOn(configuration, own, nothing) : [];
  });
}

/** The largest difference between two runs, as a part of the packet's whole price. */
export function differenceOf({ prices }: Measured, again: Measured): number {
  const differences = [...again.prices].flatMap(([name, second]) =>
    pathNames.map((path) => Math.abs((added(path, second, prices.get(name) ?? {}) ?? 0) / (second[path] ?? 1))),
  );
  return Math.max(0, ...differences);
}

/** One sentence if many rings make a packet dearer than is promised. */
export function manyRings(measured: Measured): readonly string[] {
  const scale = widest(measured, GUARDED);
  return scale > SCALE_LIMIT ? [`Many devices or queues make a packet ${(scale * 100).toFixed(1)} % dearer.`] : [];
}

/** One sentence if two runs do not agree. */
export function apart(measured: Measured, again: Measured): readonly string[] {
  const difference = differenceOf(measured, again);
  return difference > REPEAT_LIMIT ? [`Two runs differ by ${(difference * 100).toFixed(1)} %.`] : [];
}

/** One sentence for each limit that does not hold. */
export function brokenLimits(measured: Measured): readonly string[] {
  return limitsOf(measured)
    .filter(({ holds }) => !holds)
    .map(
      ({ configuration, path, added: more, limit }) =>
        `'${configuration}' adds ${Math.round(more)} instructions to '${path}', ${limit} are allowed.`,
    )
    .concat(brokenComparisons(measured));
}

/** Level lean may not cost more than tools that count drops by device and reason; level exact not more than one that counts each packet too. */
export function brokenComparisons({ prices }: Measured): readonly string[] {
  const drop = (name: string): number => prices.get(name)?.drop ?? Number.NaN;
  const counters = CONFIGURATIONS.filter(({ byDeviceAndReason }) => byDeviceAndReason).map(({ name }) => name);
  const pairs = [...counters.map((rival) => [LEAN_LEVEL, rival] as const), [DEFAULT_LEVEL, COUNTS_ALL] as const];
  return pairs
    .filter(([ours, rival]) => drop(ours) > drop(rival))
    .map(([ours, rival]) => `A drop is dearer with '${ours}' than with '${rival}'.`);
}

function limitsOn(configuration: Configuration, own: Prices, nothing: Prices): readonly Limit[] {
  return [...pathNames, ...scaledPathNames].flatMap((path) => {
    const limit = configuration.limits[path];
    const instructions = added(path, own, nothing);
    if (limit === undefined || instructions === undefined) return [];
    const holds = instructions <= Math.max(limit, noiseOf(path));
    return [{ configuration: configuration.name, path, added: instructions, limit, holds }];
  });
}

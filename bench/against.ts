// SPDX-License-Identifier: Apache-2.0
// Two reports side by side: which figures differ by more than their repeats do among themselves. Pure data.
import { permutationTest } from 'simple-statistics';
import { type Cell, type Spread, spread } from './bench-report.ts';
import { randomNumbers } from './random-numbers.ts';
import type { SavedReport, SavedRun } from './saved-report.ts';

/** Below so many repeats of each side nothing is judged. */
export const LEAST_REPEATS = 8;
/** Of the medians; what is smaller is called no difference, however sure it is. */
const LEAST_CHANGE = 0.03;
/** That any figure of a whole comparison differs by chance. At 0.05 one of 20 comparisons of equals would show something. */
const CHANCE = 0.01;
/** Shuffles for each figure of a comparison, so that the least probability that they can find is far below what is asked for. */
const SHUFFLES_EACH = 10;
const LEAST_SHUFFLES = 10_000;
const SEED = 1;

export type Judgement =
  | { readonly kind: 'differs'; readonly chance: number }
  | { readonly kind: 'no-difference' }
  /** Even the clearest difference of so few repeats could be chance among so many figures. */
  | { readonly kind: 'too-few'; readonly needed: number }
  | { readonly kind: 'not-measured'; readonly when: 'before' | 'after' }
  /** Its counts are not those of the kernel, the sender or the reader. */
  | { readonly kind: 'wrong'; readonly when: 'before' | 'after' };

export interface FigureDifference {
  readonly cell: string;
  readonly figure: string;
  /** undefined: not measured. */
  readonly before: Spread | undefined;
  readonly after: Spread | undefined;
  /** Of the medians, as a share of the earlier one; Infinity: that was 0. */
  readonly change: number | undefined;
  readonly judgement: Judgement;
}

type Figure = readonly [name: string, of: (run: SavedRun) => number];

const perSecond = (count: (run: SavedRun) => number): ((run: SavedRun) => number) => {
  return (run) => count(run) / run.seconds;
};
const TRANSMITTED: Figure = ['transmitted/s', perSecond(({ transmitted }) => transmitted)];
const LOST: Figure = ['lost/s', perSecond(({ lost }) => lost)];
/** Where sender and reader share CPUs, chance divides what is offered in two; the sum is what the path costs. */
const OFFERED: Figure = ['offered/s', perSecond(({ transmitted, lost }) => transmitted + lost)];

/** The figures that the tables show of a cell. */
function figuresOf(cell: Cell): readonly Figure[] {
  switch (cell.kind) {
    case 'send':
      return cell.flow === 'through-qdisc'
        ? [OFFERED, TRANSMITTED, LOST, ['dropped before tun/s', perSecond(({ droppedBefore }) => droppedBefore)]]
        : [OFFERED, TRANSMITTED, LOST];
    case 'pair':
      return [TRANSMITTED, LOST];
    case 'message':
      return [
        ['messages/s', TRANSMITTED[1]],
        [
          'vhost-net µs a message',
          ({ workerSeconds = Number.NaN, transmitted }) => (1e6 * workerSeconds) / transmitted,
        ],
      ];
    case 'path':
      return [
        ['Mbit/s', ({ path }) => (path?.bitsPerSecond ?? Number.NaN) / 1e6],
        ['lost', ({ lost }) => lost],
        ['ping, ms', ({ path }) => path?.pingMs ?? Number.NaN],
      ];
    case 'stream':
      return [
        ['Mbit/s', ({ stream }) => (stream?.bitsPerSecond ?? Number.NaN) / 1e6],
        ['CPU of the host, %', ({ stream }) => 100 * (stream?.hostCpu ?? Number.NaN)],
      ];
  }
}

interface Sides {
  readonly cell: string;
  readonly figure: string;
  readonly before: readonly number[];
  readonly after: readonly number[];
  readonly wrong: 'before' | 'after' | undefined;
}

/** Of these cells. Holm's correction: the figure that differs most must be the surest. */
export function differences(
  cells: readonly Cell[],
  before: SavedReport,
  after: SavedReport,
): readonly FigureDifference[] {
  const all = cells.flatMap((cell) =>
    figuresOf(cell).map(([figure, of]): Sides => {
      const [earlier, later] = [before.runs.get(cell.id) ?? [], after.runs.get(cell.id) ?? []];
      const wrong = isWrong(earlier) ? 'before' : isWrong(later) ? 'after' : undefined;
      return { cell: cell.id, figure, before: valuesOf(earlier, of), after: valuesOf(later, of), wrong };
    }),
  );
  const judged = all.filter(isJudged);
  const chances = new Map(judged.map((sides) => [sides, chanceOf(sides, judged.length)]));
  const shown = surest(chances);
  return all.map((sides) => {
    const chance = chances.get(sides) ?? 1;
    const judgement = whyNotJudged(sides, judged.length) ?? {
      ...(shown.has(sides) ? { kind: 'differs' as const, chance } : { kind: 'no-difference' as const }),
    };
    const { cell, figure } = sides;
    return {
      ...{ cell, figure, before: spreadOf(sides.before), after: spreadOf(sides.after) },
      ...{ change: changeOf(sides), judgement },
    };
  });
}

function isWrong(runs: readonly SavedRun[]): boolean {
  return runs.some(({ disagreements }) => disagreements.length > 0);
}

function valuesOf(runs: readonly SavedRun[], of: (run: SavedRun) => number): readonly number[] {
  return runs.map(of).filter(Number.isFinite);
}

function spreadOf(values: readonly number[]): Spread | undefined {
  return values.length > 0 ? spread(values) : undefined;
}

function changeOf({ before, after }: Sides): number | undefined {
  if (before.length === 0 || after.length === 0) return undefined;
  const [earlier, later] = [spread(before).median, spread(after).median];
  return earlier === later ? 0 : later / earlier - 1;
}

/** Where all values are one, as of losses that are always 0, there is nothing that chance could bring about. */
function isJudged({ before, after, wrong }: Sides): boolean {
  return (
    wrong === undefined &&
    Math.min(before.length, after.length) >= LEAST_REPEATS &&
    new Set([...before, ...after]).size > 1
  );
}

/** How often a random division of all repeats in two differs as much or more. Ranks, for one repeat may be an outlier of a busy host. */
function chanceOf(sides: Sides, judged: number): number {
  if (Math.abs(changeOf(sides) ?? 0) < LEAST_CHANGE) return 1;
  const all = [...sides.before, ...sides.after];
  const rank = (value: number): number =>
    all.filter((one) => one < value).length + all.filter((one) => one <= value).length;
  const shuffles = Math.max(LEAST_SHUFFLES, Math.ceil((SHUFFLES_EACH * judged) / CHANCE));
  const share = permutationTest(
    sides.before.map(rank),
    sides.after.map(rank),
    'two_side',
    shuffles,
    randomNumbers(SEED),
  );
  // The division that was measured is one of them.
  return (share * shuffles + 1) / (shuffles + 1);
}

function surest(chances: ReadonlyMap<Sides, number>): ReadonlySet<Sides> {
  const sorted = [...chances].sort(([, one], [, other]) => one - other);
  const end = sorted.findIndex(([, chance], index) => chance > CHANCE / (sorted.length - index));
  return new Set(sorted.slice(0, end < 0 ? undefined : end).map(([sides]) => sides));
}

function whyNotJudged({ before, after, wrong }: Sides, judged: number): Judgement | undefined {
  if (wrong) return { kind: 'wrong', when: wrong };
  if (before.length === 0) return { kind: 'not-measured', when: 'before' };
  if (after.length === 0) return { kind: 'not-measured', when: 'after' };
  const enough = before.length >= LEAST_REPEATS && after.length >= LEAST_REPEATS;
  if (enough && leastChance(before.length, after.length) <= CHANCE / judged) return undefined;
  let needed = LEAST_REPEATS;
  while (leastChance(needed, needed) > CHANCE / judged) needed += 1;
  return { kind: 'too-few', needed };
}

/** That of the clearest difference: all values of the one side above all of the other, in either order. */
function leastChance(one: number, other: number): number {
  let divisions = 1;
  for (let index = 1; index <= one; index++) divisions *= (other + index) / index;
  return 2 / divisions;
}

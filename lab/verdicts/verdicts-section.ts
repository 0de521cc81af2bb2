// SPDX-License-Identifier: Apache-2.0
// BENCHMARKS.md's section: how often the rules were right, what they were taken in by, how long it took.
import { median, percentile } from '../../test/host/percentile.ts';
import { markdown, percent } from '../report/report.ts';
import { SCENARIOS } from './catalogue.ts';
import type { Result } from './order.ts';
import type { Outcome, Score } from './score.ts';

const NOTHING = 'nothing';

/** Verdicts that are not what they should be. */
export function faultsIn(results: readonly Result[]): number {
  return results.flatMap(({ scores }) => scores).filter(isWrong).length;
}

function isWrong({ outcome, surplus }: Score): boolean {
  return (outcome !== 'right' && outcome !== 'healthy') || surplus.length > 0;
}

export function lineOf({ run, scores, figures }: Result): string {
  const variant = run ? `${run.variant.reader} ring=${run.variant.ring} rate=${run.variant.rate}` : '';
  const told = scores.map(verdictOf).join('; ');
  const shown = figures ? `\n    ${JSON.stringify(figures)}` : '';
  return `${nameOf(run?.scenario)} (${variant}): ${told}${shown}`;
}

function verdictOf({ outcome, expected = NOTHING, told = NOTHING, seconds, before, surplus }: Score): string {
  const time = seconds === undefined ? '' : ` after ${seconds.toFixed(1)} s`;
  const first = before.length > 0 ? `, at first ${before.join(', ')}` : '';
  const besides = surplus.length > 0 ? `, besides ${surplus.join(', ')}` : '';
  return `${outcome}: ${told}${told === expected ? '' : ` instead of ${expected}`}${time}${first}${besides}`;
}

function nameOf(scenario: number | undefined): string {
  return scenario === undefined ? 'the agent itself' : (SCENARIOS[scenario]?.name ?? '');
}

export function report(results: readonly Result[], { seed, minutes }: { seed: number; minutes: number }): string {
  const scores = results.flatMap((result) => result.scores);
  const faulty = scores.filter(({ expected }) => expected !== undefined);
  const healthy = scores.filter(({ expected }) => expected === undefined);
  const count = (all: readonly Score[], outcome: Outcome): number =>
    all.filter((one) => one.outcome === outcome).length;
  const right = count(faulty, 'right');
  const times = faulty.flatMap(({ seconds, outcome }) =>
    outcome === 'right' && seconds !== undefined ? [seconds] : [],
  );
  return `# What the rules say

Real faults on real taps, and hosts that only look sick: ${new Set(results.map(({ run }) => run?.scenario)).size} scenarios in ${results.length} runs on Linux ${kernelsOf(results)}, each run in a device, ring,
rate and kernel that a seed drew. Written by \`npm run bench:verdicts\` in ${minutes.toFixed(0)} minutes with \`SEED=${seed}\`, which plays the same again; without it another is drawn.

Of ${faulty.length} faults **${right} (${percent(right / Math.max(1, faulty.length))}) were told first and by their name**, ${count(faulty, 'wrong')} by another's, ${count(faulty, 'late')} too late, ${count(faulty, 'silent')} not at all.
Of ${healthy.length} healthy hosts ${count(healthy, 'false alarm')} raised an alarm. From the moment at which a fault holds to the verdict: median ${median(times).toFixed(1)} s, nine in ten ${percentile(times, 0.9).toFixed(1)} s, at most ${Math.max(...times).toFixed(1)} s.

## Confusion

What a fault was (rows), and what was told first of it ten seconds later (columns).

${matrix(scores)}

## Every run

${markdown(
  [
    ['scenario', 'Linux', 'reader', 'ring', 'packets/s', 'verdict'],
    ...results.toSorted((a, b) => (a.run?.scenario ?? -1) - (b.run?.scenario ?? -1)).map(row),
  ],
  [0, 1, 2, 5],
)}
`;
}

function kernelsOf(results: readonly Result[]): string {
  const kernels = [...new Set(results.flatMap(({ run }) => run?.variant.kernel ?? []))];
  return kernels.sort((a, b) => a.localeCompare(b, 'en', { numeric: true })).join(', ');
}

function row({ run, scores }: Result): readonly (string | number)[] {
  const cells = run ? [run.variant.kernel, run.variant.reader, run.variant.ring, run.variant.rate] : ['', '', '', ''];
  return [nameOf(run?.scenario), ...cells, scores.map(verdictOf).join('; ')];
}

/** Columns only for what was told in a wrong place: all others would be empty but for the diagonal. */
function matrix(scores: readonly Score[]): string {
  const name = (rule: string | undefined): string => rule ?? NOTHING;
  const expected = [...new Set(scores.map((one) => name(one.expected)))].sort();
  const misplaced = scores.filter((one) => name(one.told) !== name(one.expected)).map(({ told }) => name(told));
  const columns = [...new Set(misplaced)].sort();
  const count = (row: string, column: string): string => {
    const found = scores.filter((one) => name(one.expected) === row && name(one.told) === column).length;
    return found === 0 ? '' : String(found);
  };
  return markdown([
    ['fault', 'told as such', ...columns.map((one) => `told as ${one}`)],
    ...expected.map((rule) => [
      rule,
      count(rule, rule),
      ...columns.map((one) => (one === rule ? '' : count(rule, one))),
    ]),
  ]);
}

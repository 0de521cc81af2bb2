// SPDX-License-Identifier: Apache-2.0
// `perf stat` of pktgen's threads and of those that read, in the ten rows of the thread.
import { type BenchReport, type PerfRun, type Run, spread } from '../bench-report.ts';
import type { EventName, ThreadCounts } from '../perf-events.ts';
import { boxed } from './boxed.ts';
import { cellText, READERS, STOCK_AND_PATCHED, sendResult } from './cell-text.ts';

type PerfRow = readonly [
  what: string,
  of: EventName | undefined,
  value: (counts: ThreadCounts, run: PerfRun) => number,
  show: (median: number) => string,
];

/** Rates are, as perf has them, for a second in which the thread ran: of its task-clock. */
const aSecond =
  (name: EventName, unit = 1) =>
  (counts: ThreadCounts): number =>
    ratio(counts[name], ratio(counts.taskClockNs, 1e9)) / unit;
const rate = (value: number): string => `${value.toFixed(1)}/s`;

const PERF_ROWS: readonly PerfRow[] = [
  ['context-switches', 'contextSwitches', aSecond('contextSwitches'), rate],
  ['cpu-migrations', 'migrations', aSecond('migrations'), rate],
  ['page-faults', 'pageFaults', aSecond('pageFaults'), rate],
  [
    'task-clock',
    'taskClockNs',
    ({ taskClockNs }, { seconds }) => ratio(taskClockNs, 1e9 * seconds),
    (value) => `${value.toFixed(2)} CPUs`,
  ],
  [
    'branch-misses',
    'branchMisses',
    ({ branchMisses, branches }) => 100 * ratio(branchMisses, branches),
    (value) => `${value.toFixed(1)} % of branches`,
  ],
  ['branches', 'branches', aSecond('branches', 1e6), (value) => `${value.toFixed(1)} M/s`],
  ['cpu-cycles', 'cycles', aSecond('cycles', 1e9), (value) => `${value.toFixed(2)} GHz`],
  [
    'instructions',
    'instructions',
    ({ instructions, cycles }) => ratio(instructions, cycles),
    (value) => `${value.toFixed(2)} per cycle`,
  ],
  [
    'stalled-cycles-frontend',
    'stalledFrontend',
    ({ stalledFrontend, cycles }) => ratio(stalledFrontend, cycles),
    (value) => `${value.toFixed(2)} of cycles`,
  ],
  ['seconds elapsed', undefined, (_, { seconds }) => seconds, (value) => value.toFixed(2)],
];

const SOFTWARE: readonly (EventName | undefined)[] = ['contextSwitches', 'migrations', 'pageFaults', 'taskClockNs'];

export function perfTable(report: Pick<BenchReport, 'results'>): readonly string[] {
  const groups = READERS.flatMap(([reader, title, below]) =>
    (['sender', 'reader'] as const).map((side) => {
      const threads = side === 'sender' ? 'pktgen' : reader === 'tap' ? 'the reader' : 'vhost worker';
      return PERF_ROWS.map(([what, event, value, show], index) => [
        index === 0 ? `${title} ${below}`.trimEnd() : index === 1 ? threads : '',
        what,
        ...STOCK_AND_PATCHED.map(([flow]) => {
          const result = sendResult(report, { reader, flow });
          const lacks = SOFTWARE.includes(event) ? 'not for this user' : 'no PMU here';
          return cellText(
            result,
            ({ perf }) => (perf ? value(perf[side], perf) : Number.NaN),
            (median) =>
              Number.isNaN(median) ? lacks : `${show(median)}${sharesText(result?.runs ?? [], side, event)}`,
          );
        }),
      ]);
    }),
  );
  return boxed(['perf stat', '', ...STOCK_AND_PATCHED.map(([, title]) => title)], groups, 'group');
}

/** " (50.24%)", as perf has it: the share of its time in which an event had a counter, where the events took turns. */
function sharesText(runs: readonly Run[], side: 'sender' | 'reader', event: EventName | undefined): string {
  const shares = runs.flatMap(({ perf }) => (event && perf?.[side].counted[event]) ?? []);
  return shares.length === 0 ? '' : ` (${(100 * spread(shares).median).toFixed(2)}%)`;
}

function ratio(count: number | undefined, of: number | undefined): number {
  if (count === undefined || of === undefined) return Number.NaN;
  return of === 0 ? 0 : count / of; // a thread that did not run
}

// SPDX-License-Identifier: Apache-2.0
// What a stopped and woken queue costs beside the packets: interrupts between CPUs, context switches, migrations, soft interrupts.
import type { BenchReport, PerfRun, WakeRun } from '../bench-report.ts';
import { readerCpu } from '../tap.ts';
import { boxed } from './boxed.ts';
import { cellText, READERS, sendResult } from './cell-text.ts';

const FLOWS = [
  ['tail-drop', 'Stock'],
  ['backpressure', 'Patched'],
  ['through-qdisc', 'Patched, through fq_codel'],
] as const;

type Count = (wake: WakeRun, perf: PerfRun, readerCpu: number) => number | undefined;

const COUNTS: readonly (readonly [what: string, count: Count])[] = [
  ['IPIs, function call', ({ interrupts }) => sum(interrupts.functionCalls)],
  ['IPIs, rescheduling', ({ interrupts }) => sum(interrupts.reschedules)],
  ['context switches, pktgen', (_, { sender }) => sender.contextSwitches],
  ['context switches, reader', (_, { reader }) => reader.contextSwitches],
  ['migrations, pktgen', (_, { sender }) => sender.migrations],
  ['migrations, reader', (_, { reader }) => reader.migrations],
  ["TX softirqs, reader's CPU", ({ interrupts }, _, cpu) => interrupts.netTx[cpu]],
  [
    'TX softirqs, other CPUs',
    ({ interrupts }, _, cpu) => sum(interrupts.netTx) - (interrupts.netTx[cpu] ?? Number.NaN),
  ],
];

export function wakeTables(report: Pick<BenchReport, 'results'>): readonly string[] {
  return [
    ...table(report, 'a second', FLOWS, [['stops', ({ stops }) => stops], ['wakes', ({ wakes }) => wakes], ...COUNTS]),
    '',
    ...table(report, 'a wake', FLOWS.slice(1), [
      ["on another CPU than the sender's", ({ elsewhere }) => elsewhere],
      ...COUNTS,
    ]),
  ];
}

function table(
  report: Pick<BenchReport, 'results'>,
  per: 'a second' | 'a wake',
  flows: readonly (typeof FLOWS)[number][],
  counts: readonly (readonly [string, Count])[],
): readonly string[] {
  const groups = READERS.flatMap(([reader, title, below]) =>
    [undefined, true as const].map((apart) =>
      counts.map(([what, count], index) => [
        index === 0
          ? `${title} ${below}`.trimEnd()
          : index === 1
            ? apart
              ? 'reader on CPU 1'
              : 'reader on CPU 0'
            : '',
        what,
        ...flows.map(([flow]) => {
          const result = sendResult(report, { reader, flow, pinned: true, ...(apart && { apart }) });
          const cpu = (result?.cell.kind === 'send' && readerCpu(result.cell)) || 0;
          return cellText(
            result,
            ({ wake, perf }) =>
              wake && perf
                ? (count(wake, perf, cpu) ?? Number.NaN) / (per === 'a wake' ? wake.wakes : perf.seconds)
                : Number.NaN,
            figure,
          );
        }),
      ]),
    ),
  );
  return boxed([per, '', ...flows.map(([, title]) => title)], groups, 'group');
}

function figure(value: number): string {
  if (!Number.isFinite(value)) return 'no wakes';
  return value === 0 ? '0' : value.toFixed(value < 10 ? 2 : 0);
}

function sum(counts: readonly number[]): number {
  return counts.reduce((total, count) => total + count, 0);
}

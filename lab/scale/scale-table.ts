// SPDX-License-Identifier: Apache-2.0
// The section of BENCHMARKS.md about hosts with many queues, each figure beside its limit.
import { machine, markdown, milliseconds, percent } from '../report/report.ts';
import type { Scaled } from './measure.ts';

interface Limits {
  readonly idle: number;
  readonly residentBytes: number;
  readonly scrapeCpuMs: number;
  readonly scrapeP99Ms: number;
}

/** Memory of the process that serves. The agent did not have it when the limits were set: 130, 220 and 450 MB. */
const SECOND_PROCESS_BYTES = 60e6;
/** Limits by number of queues; a size between two has the larger one's. */
const LIMITS: readonly (readonly [queues: number, limits: Limits])[] = [
  [256, { idle: 0.005, residentBytes: 130e6 + SECOND_PROCESS_BYTES, scrapeCpuMs: 300, scrapeP99Ms: 1000 }],
  [1024, { idle: 0.008, residentBytes: 220e6 + SECOND_PROCESS_BYTES, scrapeCpuMs: 300, scrapeP99Ms: 1000 }],
  [4096, { idle: 0.012, residentBytes: 450e6 + SECOND_PROCESS_BYTES, scrapeCpuMs: 1200, scrapeP99Ms: 3000 }],
];
const LOOP_P99_MS = 20;
const CHECK_MS = 2000;
const PAGE_MS = 1000;
/** Four times the queues may cost so many times the CPU. */
const FOURFOLD = 4.4;

export function report(measured: readonly Scaled[]): string {
  return [
    '# What many queues cost',
    '',
    'Real taps of four queues each in up to 64 network namespaces, and `tapscope serve` as built. CPU is what the kernel’s scheduler counts for the',
    'agent’s threads. Written by `npm run bench:scale`.',
    '',
    markdown([['queues', 'what', 'measured', 'limit', 'holds'], ...measured.flatMap(rowsOf), ...linearity(measured)]),
    '',
    markdown([
      [
        'queues',
        'taps',
        'namespaces',
        'series',
        'first scrape',
        'idle, first minute',
        'one tap with traffic',
        'devices come and go',
        'event loop max',
      ],
      ...measured.map((one) => [
        String(one.queues),
        String(one.taps),
        String(one.namespaces),
        String(one.series),
        milliseconds(one.startMs),
        percent(one.young),
        percent(one.trickle),
        `${percent(one.churn)} at ${one.churned.toFixed(0)} a second`,
        milliseconds(one.loopMaxMs),
      ]),
    ]),
    '',
    '* idle: over 20 s, after 65 s; first minute: after 25 s, while V8 compiles on threads of its own; scrape: CPU of one with its own snapshot, without what the agent takes anyway; p99: of three at once',
    '* event loop: between two turns of a timer of 1 ms, less what the process waited for a CPU that other programs had, with rounds and scrapes running',
    '* the limits are for a quiet machine: on a busy one the same work takes more CPU, and answers wait for it',
    '* RSS: of both processes, files that they share once, two minutes after the start, scrapes included; the limits are 130, 220 and 450 MB, and 60 MB more for the second process; first scrape: from the start of the process',
    '',
    machine(),
    '',
  ].join('\n');
}

function rowsOf(one: Scaled): readonly (readonly string[])[] {
  const limits = limitsOf(one.queues);
  const row = (what: string, value: number, limit: number | undefined, text: (value: number) => string) => [
    String(one.queues),
    what,
    text(value),
    limit === undefined ? '' : text(limit),
    limit === undefined ? '' : holds(value <= limit),
  ];
  return [
    row('idle, of one core', one.idle, limits?.idle, (value) => percent(value)),
    row('CPU of a scrape with its snapshot', one.scrapeCpuMs, limits?.scrapeCpuMs, milliseconds),
    row('scrape, p50', one.scrapeP50Ms, undefined, milliseconds),
    row('scrape, p99', one.scrapeP99Ms, limits?.scrapeP99Ms, milliseconds),
    row('event loop, p99', one.loopP99Ms, LOOP_P99_MS, milliseconds),
    row('RSS', one.residentBytes, limits?.residentBytes, (bytes) => `${(bytes / 1e6).toFixed(0)} MB`),
    row('`tapscope check`', one.checkMs, CHECK_MS, milliseconds),
    row('live page, first queue in sight', one.pageMs, PAGE_MS, milliseconds),
  ];
}

function limitsOf(queues: number): Limits | undefined {
  return LIMITS.find(([most]) => queues <= most)?.[1];
}

/** Compares each size with the one that has four times the queues. */
function linearity(measured: readonly Scaled[]): readonly (readonly string[])[] {
  return measured.flatMap((few) => {
    const many = measured.find(({ queues }) => queues === 4 * few.queues);
    if (!many) return [];
    const times = (what: string, of: (one: Scaled) => number) => [
      String(many.queues),
      `${what}, times that of ${few.queues} queues`,
      (of(many) / of(few)).toFixed(1),
      FOURFOLD.toFixed(1),
      holds(of(many) / of(few) <= FOURFOLD),
    ];
    return [times('idle', ({ idle }) => idle), times('CPU of a scrape', ({ scrapeCpuMs }) => scrapeCpuMs)];
  });
}

function holds(does: boolean): string {
  return does ? 'holds' : 'does not hold';
}

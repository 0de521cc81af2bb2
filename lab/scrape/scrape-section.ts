// SPDX-License-Identifier: Apache-2.0
// The section of BENCHMARKS.md about scrapes.
import { machine, markdown } from '../report/report.ts';
import type { Measured } from './measure-scrapes.ts';

/** What is promised of a page of 100 000 series. */
export const LIMITS = { loopMs: 10, allocationShare: 0.1, series: 100_000 };

export interface Pair {
  readonly ours: Measured;
  readonly theirs: Measured;
}

export function report(pairs: readonly Pair[]): string {
  const [tenth, largest] = pairs.slice(-2);
  return [
    '# What a scrape costs',
    '',
    'One scrape by HTTP on loopback, `--detail cpu`, of a made-up host of taps with one queue and two CPUs each; prom-client 15.1.3: its own',
    '`Registry.metrics()` with the same series, set once, behind `node:http`. Both serve with the agent’s flags of Node, the client is another process.',
    'Written by `npm run bench:scrape`.',
    '',
    ...(tenth && largest ? [verdict(tenth, largest), ''] : []),
    markdown([
      [
        'series',
        'made by',
        'time',
        'CPU',
        'event loop p99',
        'max',
        'by the clock: p99',
        'max',
        'allocated: heap',
        'buffers',
        'page',
        'gzip',
        'time with gzip',
      ],
      ...pairs.flatMap(({ ours, theirs }) => [row(ours), row(theirs)]),
    ]),
    '',
    '* time, CPU, event loop: medians over the scrapes; event loop: milliseconds between two turns of a timer of 1 ms, their 99th percentile and maximum in one',
    '  scrape, without what the process waited for a CPU that other programs had (the kernel’s schedstat); by the clock: with it (perf_hooks’ monitorEventLoopDelay)',
    '* allocated: by one page, with a young generation so large that nothing is collected meanwhile',
    '* not in it: the snapshot, which the agent takes before it makes the page, and what prom-client needs to bring its values up to date',
    '',
    machine(),
    '',
  ].join('\n');
}

/** The ratio of the whole allocations: what is on the heap, and the buffers. */
export function allocationShare({ ours, theirs }: Pair): number {
  return (ours.heapBytes + ours.bufferBytes) / (theirs.heapBytes + theirs.bufferBytes);
}

/** What a series takes of the CPU, in parts of what it takes where there are fewer. */
export function linearity(few: Measured, many: Measured): number {
  return many.loop.cpuMs / many.series / (few.loop.cpuMs / few.series);
}

function verdict(tenth: Pair, pair: Pair): string {
  const { ours, theirs } = pair;
  const share = 1 / allocationShare(pair);
  return (
    `With ${ours.series} series the event loop is held up for ${ours.loop.ownP99Ms.toFixed(1)} ms at the 99th percentile (prom-client: ${theirs.loop.ownP99Ms.toFixed(0)} ms), ` +
    `1/${share.toFixed(1)} of prom-client's memory is allocated, and the CPU's time is 1/${(theirs.loop.cpuMs / ours.loop.cpuMs).toFixed(1)}. ` +
    `With ten times as many series each takes ${linearity(tenth.ours, ours).toFixed(1)} times the CPU's time.`
  );
}

function row({ maker, series, ms, gzipMs, loop, heapBytes, bufferBytes, pageBytes, gzipBytes }: Measured) {
  const turns = [loop.ownP99Ms, loop.ownMaxMs, loop.p99Ms, loop.maxMs].map((value) => value.toFixed(1));
  const times = [`${ms.toFixed(1)} ms`, `${loop.cpuMs.toFixed(1)} ms`, ...turns];
  const sizes = [heapBytes, bufferBytes, pageBytes, gzipBytes].map((bytes) => `${(bytes / 1e6).toFixed(2)} MB`);
  return [String(series), maker, ...times, ...sizes, `${gzipMs.toFixed(1)} ms`];
}

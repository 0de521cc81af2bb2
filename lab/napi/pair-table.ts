// SPDX-License-Identifier: Apache-2.0
// The section of docs/benchmarks.md about tun with and without the NAPI cache, beside the mail's own figures.
import { freedTotal } from '../../bench/bench-report.ts';
import { listAt, numbersAt } from '../../test/host/checked-json.ts';
import { median } from '../../test/host/percentile.ts';
import { grouped, markdown, percent } from '../report/report.ts';
import type { PairRun } from './module-pair.ts';
import { BUILDS, type Build } from './tun-modules.ts';

export type Pair = Readonly<Record<Build, readonly PairRun[]>>;

/** timed: on two CPUs, in real time; clocked: on one CPU, whose nanosecond is an instruction. */
interface Pairs {
  readonly kernel: string;
  readonly timed: Pair;
  readonly clocked: Pair;
}

/** Gbit/s of iperf3 in the cover letter. */
const MAIL: Readonly<Record<Build, number>> = { plain: 6.08, cached: 6.36 };
/** Bytes of a packet, headers included. */
const SIZE = 1490;

export function pairSection({ kernel, timed, clocked }: Pairs): string {
  const row = (name: string, value: (build: Build) => number, show: (value: number) => string): readonly string[] => {
    const [before, after] = [value('plain'), value('cached')];
    return [name, show(before), show(after), ratio(before, after)];
  };
  const shares = (name: string, part: (run: PairRun) => number): readonly string[] => [
    name,
    ...BUILDS.map((build) => percent(median(timed[build].map(part)))),
    '',
  ];
  const lost = ({ lost, received }: PairRun): number => lost / (lost + received);
  return [
    `Linux ${kernel}, ${timed.plain.length} runs of each build on two CPUs and ${clocked.plain.length} on the instruction clock. Medians, or the least and the most.`,
    markdown([
      ['', 'before', 'after', 'after / before'],
      row('mail: bitrate', (build) => MAIL[build], gbits),
      row('here: sent by the first guest, two CPUs', (build) => median(timed[build].map(sent)), gbits),
      row('here: received by the second, two CPUs', (build) => median(timed[build].map(bitrate)), gbits),
      ['here: instructions for a packet, one CPU', range(clocked.plain), range(clocked.cached), ''],
      shares('lost at the second tap, two CPUs', lost),
      shares('freed on the CPU that allocated them', (run) => run.there / freedTotal(run)),
      shares('freed on another CPU', (run) => run.elsewhere / freedTotal(run)),
      shares('given back to the CPU that allocated them', (run) => run.deferred / freedTotal(run)),
    ]),
    `Least and most of the ratio of neighbouring runs: ${spreadOf(timed, sent)} of what was sent, ${spreadOf(timed, bitrate)} of what was received.`,
  ].join('\n\n');
}

/** Neighbouring runs are compared: what else the machine does changes both alike. */
function spreadOf({ plain, cached }: Pair, value: (run: PairRun) => number): string {
  const ratios = plain.flatMap((run, index) => {
    const other = cached[index];
    return other ? [value(other) / value(run)] : [];
  });
  return `${Math.min(...ratios).toFixed(3)} and ${Math.max(...ratios).toFixed(3)}`;
}

function bitrate({ received, seconds }: PairRun): number {
  return (8e-9 * SIZE * received) / seconds;
}

function sent({ received, lost, seconds }: PairRun): number {
  return (8e-9 * SIZE * (received + lost)) / seconds;
}

/** A median would hide that runs on this clock are not equal. */
function range(runs: readonly PairRun[]): string {
  const values = runs.map(instructions);
  return `${whole(Math.min(...values))} to ${whole(Math.max(...values))}`;
}

/** All that the CPU did meanwhile, for each packet that the second guest received. */
function instructions({ received, seconds }: PairRun): number {
  return (1e9 * seconds) / received;
}

const gbits = (value: number): string => `${value.toFixed(2)} Gbit/s`;
const whole = (value: number): string => grouped(Math.round(value));

function ratio(before: number, after: number): string {
  return (after / before).toFixed(3);
}

export function readPair(printed: unknown): Pair {
  const runs = (build: string): readonly PairRun[] => listAt(printed, build).map(readRun);
  return { plain: runs('plain'), cached: runs('cached') };
}

function readRun(run: unknown): PairRun {
  return numbersAt(run, 'seconds', 'received', 'lost', 'there', 'elsewhere', 'deferred');
}

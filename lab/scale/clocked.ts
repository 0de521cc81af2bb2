// SPDX-License-Identifier: Apache-2.0
// What the agent's two processes take of a host with many idle queues, in instructions: a busy machine measures the same as an idle one.
import { readFileSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { numberAt, parseJson, textAt } from '../../test/host/checked-json.ts';
import { median } from '../../test/host/percentile.ts';
import { runGuest } from '../vm/guest-program.ts';

export const SERIES = '7.3';
const QUEUES = 1024;
/** The allowed growth. Six runs of one code differed by 7 %: V8 compiles and collects garbage at other moments. */
const TOLERANCE = 0.1;
const TIMEOUT_MS = 1_200_000;
const lab = join(import.meta.dirname, '..');
const file = join(lab, 'scale/baseline.json');

/** Instructions, of the kernel too where it works for the agent. */
interface Clocked {
  /** Release and version of Debian's package. */
  readonly kernel: string;
  readonly queues: number;
  /** Instructions in a second in which no packet and no client comes. */
  readonly idleSecond: number;
  /** Instructions for one scrape with its snapshot. */
  readonly scrape: number;
}

/** The median of each figure, of so many runs. */
export async function clock(say: (line: string) => void, runs = 1): Promise<Clocked> {
  const all: Clocked[] = [];
  while (all.length < runs) all.push(await clockOnce(say));
  const middle = (of: (one: Clocked) => number): number => median(all.map(of));
  return {
    kernel: all[0]?.kernel ?? '',
    queues: QUEUES,
    idleSecond: middle(({ idleSecond }) => idleSecond),
    scrape: middle(({ scrape }) => scrape),
  };
}

async function clockOnce(say: (line: string) => void): Promise<Clocked> {
  const options = { say, instructionClock: true, memoryMiB: 4096, timeoutMs: TIMEOUT_MS };
  const { kernel, output } = await runGuest(SERIES, 'lab/scale/queues-guest.ts', [String(QUEUES)], options);
  const line = output.split('\n').find((one) => one.startsWith('{'));
  if (line === undefined) throw new Error(`On Linux ${SERIES} nothing was clocked:\n${output}`);
  return parseClocked({ ...(JSON.parse(line) as object), kernel: basename(kernel.directory) });
}

export function readBaseline(): Clocked {
  return parseClocked(parseJson(readFileSync(file, 'utf8')));
}

export function writeBaseline(clocked: Clocked): void {
  writeFileSync(file, `${JSON.stringify(clocked, undefined, 2)}\n`);
}

function parseClocked(value: unknown): Clocked {
  return {
    kernel: textAt(value, 'kernel'),
    queues: numberAt(value, 'queues'),
    idleSecond: Math.round(numberAt(value, 'idleSecond')),
    scrape: Math.round(numberAt(value, 'scrape')),
  };
}

/** One line for each figure: before, now, and how much more. */
export function compared(before: Clocked, now: Clocked): readonly string[] {
  return FIGURES.map(({ name, of }) => {
    const [then, here] = [of(before), of(now)];
    const more = 100 * (here / then - 1);
    return `${name}: ${perQueue(then, before)} → ${perQueue(here, now)} instructions a queue (${more < 0 ? '' : '+'}${more.toFixed(1)} %)`;
  });
}

/** A sentence for each figure that is more than 10 % above what it was. */
export function grown(before: Clocked, now: Clocked): readonly string[] {
  const dearer = FIGURES.filter(({ of }) => of(now) > of(before) * (1 + TOLERANCE));
  return dearer.map(
    ({ name, of }) =>
      `${name} takes ${perQueue(of(now), now)} instructions a queue, ${perQueue(of(before), before)} before.`,
  );
}

const FIGURES: readonly { readonly name: string; readonly of: (clocked: Clocked) => number }[] = [
  { name: 'a second without a packet', of: ({ idleSecond }) => idleSecond },
  { name: 'a scrape with its snapshot', of: ({ scrape }) => scrape },
];

function perQueue(instructions: number, { queues }: Clocked): string {
  return (instructions / queues).toFixed(0);
}

export function clockedSection(clocked: Clocked): string {
  const rows = FIGURES.map(
    ({ name, of }) => `| ${name} | ${(of(clocked) / 1e6).toFixed(1)} million | ${perQueue(of(clocked), clocked)} |`,
  );
  return [
    `# What ${clocked.queues} queues cost in instructions`,
    '',
    `Both processes beside ${clocked.queues} idle queues, on the instruction clock of a VM with Linux ${clocked.kernel}; the kernel’s work for the agent is in it.`,
    'Written by `npm run bench:scale -- --clock`. `npm run test:all` fails if a figure grows by more than 10 %.',
    '',
    '| what | instructions | a queue |',
    '| --- | --: | --: |',
    ...rows,
    '',
  ].join('\n');
}

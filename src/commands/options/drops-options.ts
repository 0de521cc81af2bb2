// SPDX-License-Identifier: Apache-2.0
// The flags of `tapscope drops` and what they mean.
import type { Scope } from '../../diagnosis/scope.ts';
import { parseDuration } from './duration.ts';

export interface DropsOptions {
  readonly scope: Scope;
  readonly reason: string | undefined;
  /** Single packets a second; 0: losses are shown together. */
  readonly rate: number;
  readonly stacks: boolean;
  readonly json: boolean;
  /** Lines; undefined: no limit. */
  readonly lines: number | undefined;
  /** undefined: until it is stopped. */
  readonly forMs: number | undefined;
}

/** The flags in commander's notation. */
export const dropsFlags: readonly (readonly [flags: string, description: string])[] = [
  ['--follow', 'run until stopped (default: 10 s, unless --for or -c is given)'],
  ['--for <time>', 'run this long, e.g. 30s, 2m'],
  ['-c, --count <lines>', 'end after so many lines'],
  ['--reason <reason>', 'only packets with this drop reason, e.g. FULL_RING'],
  ['--packets', 'show single packets with their addresses, limited by --rate-limit'],
  [
    '--rate-limit <packets>',
    'single packets a second, and once as many at the start, at most 10000; implies --packets (default: 100)',
  ],
  [
    '--stack',
    'show the kernel stack of the first packet of each device, queue, reason and function; implies --packets',
  ],
  ['--json', 'print JSON, one object a line'],
];

const DEFAULT_RATE = 100;
const MOST_RATE = 10_000;
const DEFAULT_MS = 10_000;
const LIMITS = { least: 0.1, most: 86_400 };

/** `values` as commander's opts() gives them. Throws one sentence. */
export function readDropsOptions(device: string | undefined, values: Readonly<Record<string, unknown>>): DropsOptions {
  const text = (name: string): string | undefined => (values[name] === undefined ? undefined : String(values[name]));
  const packets = values.packets === true || values.stack === true || values.rateLimit !== undefined;
  const rate = readNumber('--rate-limit', text('rateLimit'), MOST_RATE) ?? DEFAULT_RATE;
  const lines = readNumber('--count', text('count'), Number.MAX_SAFE_INTEGER);
  const time = text('for');
  const forMs = time === undefined ? undefined : 1000 * parseDuration('--for', time, LIMITS);
  const unlimited = values.follow === true || lines !== undefined;
  return {
    scope: { device, netns: text('netns'), vm: text('vm'), pod: text('pod'), process: text('process') },
    reason: text('reason')?.replace(/^SKB_DROP_REASON_/, ''),
    rate: packets ? rate : 0,
    stacks: values.stack === true,
    json: values.json === true,
    lines,
    forMs: forMs ?? (unlimited ? undefined : DEFAULT_MS),
  };
}

function readNumber(flag: string, value: string | undefined, most: number): number | undefined {
  if (value === undefined) return undefined;
  const number = /^\d+$/.test(value) ? Number(value) : 0;
  if (number < 1 || number > most) throw new Error(`${flag}=${value}: write a whole number from 1 to ${most}.`);
  return number;
}

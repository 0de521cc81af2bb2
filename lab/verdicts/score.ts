// SPDX-License-Identifier: Apache-2.0
// What was said of a device, second by second, and what it is worth.
import type { Fault } from './scenario.ts';

/** One judgement: the rules whose findings stand, the first ones first. */
export interface Said {
  /** Unix time, seconds. */
  readonly at: number;
  readonly findings: readonly { readonly rule: string; readonly info: boolean }[];
}

export type Outcome = 'right' | 'wrong' | 'silent' | 'late' | 'false alarm' | 'healthy' | 'did not happen';

export interface Score {
  readonly outcome: Outcome;
  /** The rule that was to be found; undefined: none. */
  readonly expected: string | undefined;
  /** undefined: nothing. */
  readonly told: string | undefined;
  /** The time from the moment at which the fault held until its finding came first, and stayed first. */
  readonly seconds: number | undefined;
  /** What else was told first before that. */
  readonly before: readonly string[];
  /** Other findings, which the fault does not justify. */
  readonly surplus: readonly string[];
}

/** `tapscope diagnose` looks for so long. */
export const VERDICT_SECONDS = 10;
/** A judgement is made once a second, and not always on the second. */
const TICK = 1;

/** A fault, and then the rules that have to speak of it as well. */
export function scoreFault(fault: Fault, since: number | undefined, said: readonly Said[]): readonly Score[] {
  const heard = since === undefined ? [] : said.filter(({ at }) => at >= since);
  const also = fault.also ?? [];
  const allowed = new Set([fault.rule, ...also, ...(fault.may ?? [])]);
  const surplus = new Set(heard.flatMap(alarmsOf).filter((rule) => !allowed.has(rule)));
  const first = score(fault.rule, since, heard, ({ findings }) => findings[0]?.rule);
  return [
    { ...first, surplus: [...surplus].filter((rule) => !first.before.includes(rule) && rule !== first.told) },
    ...also.map((rule) => score(rule, since, heard, ({ findings }) => findings.find((one) => one.rule === rule)?.rule)),
  ];
}

function score(
  expected: string,
  since: number | undefined,
  heard: readonly Said[],
  firstOf: (said: Said) => string | undefined,
): Score {
  const nothing = { expected, told: undefined, seconds: undefined, before: [], surplus: [] };
  if (since === undefined) return { ...nothing, outcome: 'did not happen' };
  const told = heard.map((said) => ({ at: said.at, rule: firstOf(said) }));
  const inTime = told.filter(({ at }) => at <= since + VERDICT_SECONDS + TICK);
  const verdict = inTime.at(-1)?.rule;
  const before = told.flatMap(({ rule }) => (rule === undefined || rule === expected ? [] : [rule]));
  const changed = told.findLastIndex(({ rule }) => rule !== expected);
  const from = told[changed + 1]?.at;
  const seconds = from === undefined ? undefined : Math.max(0, from - since);
  const outcome = (): Outcome => {
    if (verdict === expected) return 'right';
    if (verdict !== undefined) return 'wrong';
    return seconds === undefined ? 'silent' : 'late';
  };
  return { ...nothing, outcome: outcome(), told: verdict, seconds, before: [...new Set(before)] };
}

/** Anything but information, at any moment, is a false alarm. */
export function scoreHealthy(said: readonly Said[]): Score {
  const alarms = [...new Set(said.flatMap(alarmsOf))];
  const [told, ...surplus] = alarms;
  const outcome = told === undefined ? 'healthy' : 'false alarm';
  return { outcome, expected: undefined, told, seconds: undefined, before: [], surplus };
}

function alarmsOf({ findings }: Said): readonly string[] {
  return findings.flatMap(({ rule, info }) => (info ? [] : [rule]));
}

// SPDX-License-Identifier: Apache-2.0
// Times as --at takes them: 03:12, 03:12:30 (the last that was, in this host's time), an ISO time, 5m ago, -5m.
import { parseDuration } from './duration.ts';

const DAY_SECONDS = 86_400;

export interface PastSpan {
  /** Unix time, seconds. */
  readonly at: number;
  /** Those before `at`. */
  readonly seconds: number;
}

/** What each form of a time means where no length is given. */
const LENGTH = { minute: 60, moment: 10 };

/**
 * 03:12 is that minute, '5m ago' the minute around then, '30s ago' the ten seconds around then, 03:12:30 the ten seconds before.
 * `seconds`: another length. Throws one sentence.
 */
export function parsePast(flag: string, text: string, now: Date, seconds?: number): PastSpan {
  const length = seconds ?? (isMinute(text) ? LENGTH.minute : LENGTH.moment);
  const then = parseTime(flag, text, now);
  const isAround = AGO.test(text);
  return { at: isAround ? Math.min(now.getTime() / 1000, then + length / 2) : then, seconds: length };
}

const AGO = /^(?:-(.+)|(.+) ago)$/;
const ISO = /^\d{4}-\d\d-\d\d[T ]\d\d:\d\d/;

/** Unix time, seconds. A minute of the clock means its end, so that all of it lies before. */
function parseTime(flag: string, text: string, now: Date): number {
  const [, before, ago = before] = AGO.exec(text) ?? [];
  if (ago !== undefined) return now.getTime() / 1000 - parseDuration(flag, ago, { least: 0, most: DAY_SECONDS });
  const [whole, hour, minute, second = '59'] = /^([01]?\d|2[0-3]):([0-5]\d)(?::([0-5]\d))?$/.exec(text) ?? [];
  if (whole !== undefined) return lastTime(now, Number(hour), Number(minute), Number(second));
  const moment = ISO.test(text) ? Date.parse(text.replace(' ', 'T')) / 1000 : Number.NaN;
  if (!Number.isNaN(moment)) return isMinute(text) ? Math.min(now.getTime() / 1000, moment + 59) : moment;
  throw new Error(
    `${flag}=${text} is not a time; write for example ${flag} 03:12, ${flag} 03:12:30 or ${flag} '5m ago'.`,
  );
}

/** Of the clock without seconds, or so many minutes or hours ago. */
function isMinute(text: string): boolean {
  return /^(?:\d?\d|\d{4}-\d\d-\d\d[T ]\d\d):\d\d(?:Z|[+-]\d\d:?\d\d)?$|^(?:-.*[mh]|.*[mh] ago)$/.test(text);
}

/** The present minute counts as having been. */
function lastTime(now: Date, hour: number, minute: number, second: number): number {
  const moment = new Date(now);
  moment.setHours(hour, minute, 0, 0);
  if (moment > now) moment.setDate(moment.getDate() - 1);
  moment.setSeconds(second);
  return Math.min(moment.getTime(), now.getTime()) / 1000;
}

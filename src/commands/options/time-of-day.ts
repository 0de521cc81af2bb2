// SPDX-License-Identifier: Apache-2.0
// Times as --at takes them: 03:12, 03:12:30 (the last that was, in this host's time), an ISO time, 5m ago, -5m.
import { parseDuration } from './duration.ts';

const DAY_SECONDS = 86_400;

/** Unix time, seconds. A minute means its end, so that all of it lies before. Throws one sentence. */
export function parseTime(flag: string, text: string, now: Date): number {
  const [, ago] = /^(?:-(.+)|.+ ago)$/.exec(text) ? [undefined, text.replace(/^-| ago$/g, '')] : [];
  if (ago !== undefined) return now.getTime() / 1000 - parseDuration(flag, ago, { least: 0, most: DAY_SECONDS });
  const [whole, hour, minute, second = '59'] = /^([01]?\d|2[0-3]):([0-5]\d)(?::([0-5]\d))?$/.exec(text) ?? [];
  if (whole !== undefined) return lastTime(now, Number(hour), Number(minute), Number(second));
  const moment = /^\d{4}-\d\d-\d\d[T ]\d\d:\d\d/.test(text) ? Date.parse(text.replace(' ', 'T')) : Number.NaN;
  if (!Number.isNaN(moment)) return moment / 1000;
  throw new Error(
    `${flag}=${text} is not a time; write for example ${flag} 03:12, ${flag} 03:12:30 or ${flag} '5m ago'.`,
  );
}

/** 03:12, without seconds. */
export function isMinute(text: string): boolean {
  return /^\d?\d:\d\d$/.test(text);
}

/** The present minute counts as having been. */
function lastTime(now: Date, hour: number, minute: number, second: number): number {
  const moment = new Date(now);
  moment.setHours(hour, minute, 0, 0);
  if (moment > now) moment.setDate(moment.getDate() - 1);
  moment.setSeconds(second);
  return Math.min(moment.getTime(), now.getTime()) / 1000;
}

// SPDX-License-Identifier: Apache-2.0
// Durations on the command line: 30s, 2m, 1h, or a number of seconds.

const UNITS: Readonly<Record<string, number>> = { '': 1, s: 1, m: 60, h: 3600 };

/** Seconds. Throws one sentence. */
export function parseDuration(
  flag: string,
  text: string,
  limits: { readonly least: number; readonly most: number },
): number {
  const [, number, unit = ''] = /^(\d+(?:\.\d+)?)\s*([smh]?)$/.exec(text) ?? [];
  const seconds = Number(number) * (UNITS[unit] ?? Number.NaN);
  if (seconds >= limits.least && seconds <= limits.most) return seconds;
  throw new Error(
    `${flag}=${text} is not a time between ${limits.least} s and ${limits.most} s; write for example ${flag} 30s.`,
  );
}

// SPDX-License-Identifier: Apache-2.0
// When what surrounds a device was read in the window. On a busy host that takes seconds: what was read too late, or for too short a part, proves nothing.
import type { SurroundingsRead } from '../../snapshot/surroundings.ts';
import type { DeviceSpan, Window } from '../window.ts';

/** The share of the question that what is counted has to cover. */
const LEAST_COVERED = 1 / 3;
/** The share of it that may have passed since the last reading began, and at least so many seconds: it is read once a second. */
const MOST_PASSED = { share: 1 / 2, seconds: 2 };
/** In a shorter question (`check`) one reading tells the configuration, if none of it has to be counted. */
const SHORT_SECONDS = 2;

export interface WhenRead {
  /** The first step that was taken since the question is open. */
  readonly first: number;
  /** The reading that each step shows; undefined: there was none yet. */
  readonly shown: readonly (SurroundingsRead | undefined)[];
  /** From that step to the last. */
  readonly seconds: number;
  readonly endedAt: number;
}

/** undefined: nobody asked, or it was recorded by an older version. */
export function whenRead({ takenAt, now, steps }: DeviceSpan, { agents }: Window): WhenRead | undefined {
  const reads = agents.slice(-takenAt.length).map(({ surroundingsRead }) => surroundingsRead);
  const first = reads.lastIndexOf(undefined) + 1;
  const [began, endedAt] = [takenAt[first], takenAt.at(-1)];
  if (began === undefined || endedAt === undefined) return undefined;
  const shown = reads.map((all, place) =>
    steps[place]?.surroundings === undefined ? undefined : all?.find(({ netns }) => netns === now.netns),
  );
  return { first, shown, seconds: endedAt - began, endedAt };
}

/** Whether so many seconds are enough of the question. */
export function isCovered(seconds: number, read: WhenRead): boolean {
  return seconds > 0 && seconds >= LEAST_COVERED * read.seconds;
}

export function lateDoubt(device: DeviceSpan, window: Window): string | undefined {
  const read = whenRead(device, window);
  if (!read) return undefined;
  const last = read.shown.at(-1);
  if (!last) return 'this host is busy, and what surrounds it was not read in time: ask again';
  const age = read.endedAt - last.since;
  if (age > Math.max(MOST_PASSED.seconds, MOST_PASSED.share * read.seconds))
    return `this host is busy, and what surrounds it was last read ${age.toFixed(1)} s before the end: ask again`;
  const first = read.shown.slice(read.first).find((one) => one !== undefined);
  const covered = last.since - (first?.until ?? last.until);
  if (read.seconds < SHORT_SECONDS || isCovered(covered, read)) return undefined;
  return `this host is busy, and what surrounds it was followed for ${Math.max(0, covered).toFixed(1)} of ${read.seconds.toFixed(1)} s: ask again`;
}

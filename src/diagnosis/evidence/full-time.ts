// SPDX-License-Identifier: Apache-2.0
// How the time was spent in which a queue was full or stopped, by what its reader did.
import type { Reader } from '../../snapshot/queue.ts';
import { duration, percent } from '../format.ts';
import type { QueueSpan } from '../window.ts';
import type { ReaderUse } from './reader-use.ts';

/** The share of the full time from which on uncertain time is told: less changes no verdict. */
const WORTH_TELLING = 0.1;

export interface FullTime {
  /** Seconds of the window: samples found it full, the scheduler tells how long its reader ran and waited meanwhile. */
  readonly seconds: number;
  readonly ofWindow: number;
  /** The share of the full time in these states, 0 to 1. */
  readonly share: (...states: readonly string[]) => number;
  /** More seconds of the window in which it was perhaps full: looks came late, or far apart. */
  readonly uncertain: number;
  /** 'running 0.9 s, waiting 30 ms': what was most of it first. */
  readonly told: string;
}

/** undefined: nothing looks at readers on this host, or not at this one. */
export function fullTime({ before, now, device }: QueueSpan): FullTime | undefined {
  if (!now.reader) return undefined;
  const earlier = new Map(before.reader?.fullSeconds.map(({ state, seconds }) => [state, seconds]));
  const spent = now.reader.fullSeconds
    .map(({ state, seconds }) => ({ state, seconds: Math.max(0, seconds - (earlier.get(state) ?? 0)) }))
    .filter(({ seconds }) => seconds > 0)
    .sort((a, b) => b.seconds - a.seconds);
  const seconds = spent.reduce((sum, one) => sum + one.seconds, 0);
  const share = (...states: readonly string[]): number =>
    seconds > 0 ? spent.reduce((sum, one) => sum + (states.includes(one.state) ? one.seconds : 0), 0) / seconds : 0;
  return {
    seconds,
    // The scheduler's clock and the snapshots' differ by a look.
    ofWindow: Math.min(1, seconds / device.seconds),
    share,
    uncertain: Math.max(0, (now.reader.uncertainSeconds ?? 0) - (before.reader?.uncertainSeconds ?? 0)),
    told: spent
      .slice(0, 3)
      .map((one) => `${one.state} ${duration(one.seconds)}`)
      .join(', '),
  };
}

export function fullTimeEvidence(time: FullTime | undefined): string | undefined {
  if (!time || time.seconds === 0) return undefined;
  const uncertain = time.uncertain > WORTH_TELLING * time.seconds ? `, perhaps ${duration(time.uncertain)} longer` : '';
  return `full for ${duration(time.seconds)} (${percent(time.ofWindow)} of the window)${uncertain}; its reader ${time.told}`;
}

/** What its reader did all the time, whether the ring was full or not. */
export function useEvidence(use: ReaderUse | undefined): string | undefined {
  if (!use) return undefined;
  const { seconds, ran, waited } = use;
  return `by the scheduler’s count its reader ran ${percent(ran)} and waited for a CPU ${percent(waited)} of ${duration(seconds)}`;
}

/** Seconds since the queue was first seen, those of the window included. */
export function fullSecondsEver({ fullSeconds }: Reader): number {
  return fullSeconds.reduce((sum, { seconds }) => sum + seconds, 0);
}

// SPDX-License-Identifier: Apache-2.0
// Four causes of a full ring that look alike, told apart by what is counted and not by what a few samples saw.
import type { FullTime } from './full-time.ts';
import type { ReaderUse } from './reader-use.ts';

export interface RingFigures {
  /** The lost share of the offered packets, 0 to 1. */
  readonly lostShare: number;
  readonly capacity: number;
  /** Overflows after which the ring was empty again; undefined: not measured. */
  readonly overflows: number | undefined;
  /** Slots that the largest overflow would have needed, one that has not ended included. */
  readonly needed: number;
  /** After an overflow the ring was empty again, and a size that Linux accepts holds the largest. */
  readonly recovers: boolean;
  /** The ring has not been empty for nearly all of the window. */
  readonly neverEmpty: boolean;
  /** undefined: no samples. */
  readonly time: FullTime | undefined;
  /** undefined: nothing counts it here, or a guest decides when packets are taken. */
  readonly use: ReaderUse | undefined;
}

export type LookAlike = 'short-ring' | 'burst' | 'starved' | 'cpu-bound' | 'still';

/** Defaults are 500 (tun) and 1000 (tap): a ring below a tenth of that overflows before any scheduler gives its reader a CPU. */
export const SHORT_RING = 50;
const DEFAULT_RING = 1000;
/** No time is left: a burst would find the reader busy with the one before. */
const NO_TIME_LEFT = 0.8;
/** Of a share that was lost so much or more, a few samples do not say that the ring was full for moments only. */
export const MUCH_LOST = 0.2;
/** So much of the full time in one state makes that the cause. */
const MOST = 0.5;
const NEARLY_ALL = 0.8;
const HARDLY = 0.1;
/** One sample: what comes into a ring wakes its reader at once, so that a full ring and a sleeping reader are not met by chance. */
const SEEN_SECONDS = 0.02;
/** Seconds of each overflow in which a busy host lets a thread wait that it does not starve. */
const WAITS_ITS_TURN = 0.05;
const WAITED_SECONDS = 0.2;

/**
 * The first row that holds. The reader was busy while it ran, or could run and waited for a CPU (schedstat), and idle else.
 *
 * | figures                                                      | cause                                                       |
 * |--------------------------------------------------------------|-------------------------------------------------------------|
 * | a ring below 50, and 1000 would have held every overflow     | short-ring: whoever reads, the default would hold it        |
 * | the ring was never empty: the reader was                     | … for want of packets it never slept, so                    |
 * |   idle for longer than it ran or waited, samples agree       | still: it slept although there were packets                 |
 * |   waiting for longer than it ran, else                       | starved, cpu-bound                                          |
 * | busy for 80 % of the time or more                            | starved if it waited for longer than it ran, else cpu-bound |
 * | samples saw it asleep for most of the time of a full ring    | still: it had time, and did not use it                      |
 * | busy for 80 % or more, had it taken what was lost as well    | starved or cpu-bound, as above: it does not keep up         |
 * | the ring full for half of the time, or a fifth or more lost  | starved or cpu-bound, as above: it is behind all the time,  |
 * |   and the ring full for half that share of the time          |   and not for moments                                       |
 * | the ring recovers; it waited for 50 ms or more an overflow   | starved: it has time on average, and not when it counts     |
 * | the ring recovers                                            | burst: the time that it had left was enough for all         |
 *
 * undefined: the counts do not tell, and the samples of its states have to.
 */
export function tellApart(figures: RingFigures): LookAlike | undefined {
  const { lostShare, overflows, time, use, recovers, neverEmpty } = figures;
  if (isShort(figures)) return 'short-ring';
  if (!use) return undefined;
  const busy = use.ran + use.waited;
  const slow = use.waited > use.ran ? 'starved' : 'cpu-bound';
  if (neverEmpty) return 1 - busy > Math.max(use.ran, use.waited) && !isSeenAwake(time) ? 'still' : slow;
  if (busy >= NO_TIME_LEFT) return slow;
  if (time && time.seconds >= SEEN_SECONDS && time.share('sleeping', 'stopped', 'gone') >= MOST) return 'still';
  if (busy >= NO_TIME_LEFT * (1 - lostShare) || isOftenFull(lostShare, time)) return slow;
  if (!recovers) return undefined;
  return time && waitsLong(time, overflows) ? 'starved' : 'burst';
}

/** A wait that lasts is counted when it ends. */
function isSeenAwake(time: FullTime | undefined): boolean {
  return time !== undefined && time.seconds >= WAITED_SECONDS && time.share('running', 'waiting') > 1 - HARDLY;
}

/** Of packets that come evenly, the lost share is the share of the time for which the ring was full. Bursts lose more in less time. */
export function isOftenFull(lostShare: number, time: FullTime | undefined): boolean {
  const full = time?.ofWindow ?? 0;
  return full >= MOST || (lostShare >= MUCH_LOST && full >= lostShare / 2);
}

function isShort({ capacity, needed, overflows = 0 }: RingFigures): boolean {
  return capacity < SHORT_RING && overflows > 0 && needed <= DEFAULT_RING;
}

function waitsLong(time: FullTime, overflows: number | undefined): boolean {
  return (
    time.share('waiting', 'throttled') >= NEARLY_ALL &&
    time.seconds >= WAITED_SECONDS &&
    (!overflows || time.seconds / overflows >= WAITS_ITS_TURN)
  );
}

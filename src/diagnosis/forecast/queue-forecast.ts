// SPDX-License-Identifier: Apache-2.0
// Losses of one queue in episodes of overflow, and how many a larger ring would have held.
import type { Observations } from '../../snapshot/queue.ts';
import { type Loss, ringLoss } from '../evidence/loss.ts';
import { neglectOf, stallOf } from '../evidence/stall.ts';
import { grown, type QueueSpan } from '../window.ts';
import { type EpisodeGroup, groupsBetween, lostWith, withLargest } from './episode-losses.ts';

/** The queue's ring overflowed and has not been empty for long, or packets wait in it and none is taken. */
interface Stuck {
  readonly seconds: number;
  /** Packets a second since then. */
  readonly offered: number;
  readonly taken: number;
}

/** How long each packet takes on its way through a ring in which others wait. */
interface Pace {
  readonly secondsEach: number;
  /** Not measured of packets (Linux 7.3 does), but of the slowest time in which the ring was never empty. */
  readonly isBound: boolean;
}

export interface QueueForecast {
  readonly queue: number;
  readonly capacity: number;
  readonly loss: Loss;
  /** Slots that would have held the largest episode; 0: nothing overflowed. */
  readonly needed: number;
  readonly episodes: number;
  /** Packets of an episode that has not ended: it may need more. */
  readonly open: number;
  readonly stuck: Stuck | undefined;
  /** Lost, and in no episode that was followed. */
  readonly unexplained: number;
  readonly pace: Pace | undefined;
  readonly highwater: number | undefined;
  readonly lostAt: (size: number) => number;
}

/** The age from which an unended overflow counts as stuck: readers are not paused for so long. */
const STUCK_SECONDS = 10;
/** The age from which nothing taken counts as stuck: a VM that is moved stands still for a second or two. */
const STALLED_SECONDS = 3;
/** STUCK_SECONDS in a short window, as a share of it. */
const STUCK_SHARE = 0.5;

/** undefined: its overflows are not measured. */
export function queueForecast(queue: QueueSpan): QueueForecast | undefined {
  const { before, now, steps } = queue;
  const [loss, overflow, capacity] = [ringLoss(queue), now.history?.overflow, now.ring?.capacity];
  if (!loss || !overflow?.sizes || capacity === undefined) return undefined;
  const ended = groupsBetween(before.history?.overflow?.sizes, overflow.sizes);
  const peaks = steps.slice(1).map(({ history }) => history?.overflow?.needed ?? 0);
  const groups = withLargest(ended, Math.max(...peaks) - capacity);
  // An episode that ended with nothing behind it is not yet known to have ended.
  const open = overflow.openPackets;
  const all: readonly EpisodeGroup[] =
    open > 0 ? [...groups, { episodes: 1, dropped: open, least: open, most: open }] : groups;
  const largest = Math.max(0, ...all.map(({ most }) => most));
  const levels = steps.flatMap(({ ring }) => ring?.highwater ?? ring?.occupancy ?? []);
  return {
    queue: now.index,
    capacity,
    loss,
    needed: largest > 0 ? capacity + largest : 0,
    episodes: all.reduce((sum, { episodes }) => sum + episodes, 0),
    open,
    stuck: stuckIn(queue),
    unexplained: Math.max(0, loss.lost - all.reduce((sum, { dropped }) => sum + dropped, 0)),
    pace: paceOf(queue),
    highwater: levels.length > 0 ? Math.max(...levels) : undefined,
    // An episode may have begun before the window.
    lostAt: (size) => Math.min(loss.lost, lostWith(all, Math.max(0, size - capacity))),
  };
}

function stuckIn(queue: QueueSpan): Stuck | undefined {
  return stalledIn(queue) ?? overflowingIn(queue);
}

/** Its reader takes nothing, whether the ring has room yet or not. */
function stalledIn(queue: QueueSpan): Stuck | undefined {
  const { occupancy = 0 } = queue.now.ring ?? {};
  const { lasts, seconds } = [neglectOf(queue), stallOf(queue)].reduce((a, b) => (a.seconds < b.seconds ? b : a));
  return occupancy > 0 && lasts && seconds >= STALLED_SECONDS ? { seconds, offered: 0, taken: 0 } : undefined;
}

function overflowingIn(queue: QueueSpan): Stuck | undefined {
  const { openPackets = 0, openSeconds = 0 } = queue.now.history?.overflow ?? {};
  if (openPackets === 0 || queue.now.ring?.occupancy === 0) return undefined;
  const { seconds, takenAt } = queue.device;
  if (openSeconds < Math.min(STUCK_SECONDS, STUCK_SHARE * seconds)) return undefined;
  const last = takenAt.at(-1) ?? 0;
  const since = Math.max(
    0,
    takenAt.findLastIndex((at) => at <= last - openSeconds),
  );
  const [before = queue.before, now] = [queue.steps[since], queue.now];
  const part = { before, now };
  const length = last - (takenAt[since] ?? last);
  const lost = grown(part, ({ counters }) => counters?.dropped.reduce((sum, { packets }) => sum + packets, 0)) ?? 0;
  const taken = grown(part, ({ counters }) => counters?.delivered) ?? 0;
  const offered = grown(part, ({ counters }) => counters?.offered) ?? taken + lost;
  return { seconds: openSeconds, offered: offered / length, taken: taken / length };
}

/** How long packets waited behind how many, where that is measured; else what the reader took while packets always waited. */
function paceOf(queue: QueueSpan): Pace | undefined {
  const waited = meanOf(queue, ({ history }) => history?.sojourn);
  const ahead = meanOf(queue, ({ history }) => history?.arrivals);
  if (waited !== undefined && ahead !== undefined && ahead > 0)
    return { secondsEach: waited / 1e9 / ahead, isBound: false };
  const slowest = Math.max(...busySteps(queue));
  return slowest > 0 ? { secondsEach: slowest, isBound: true } : undefined;
}

/** Seconds for each packet, of each step that lies within an overflow: there the reader had no pause for want of packets. That a ring is empty ends one only with the next packet. */
function busySteps({ steps, device: { takenAt } }: QueueSpan): readonly number[] {
  return steps.flatMap(({ history, counters, ring }, place) => {
    const seconds = (takenAt[place] ?? 0) - (takenAt[place - 1] ?? 0);
    const { openPackets = 0, openSeconds = 0 } = history?.overflow ?? {};
    const taken = (counters?.delivered ?? 0) - (steps[place - 1]?.counters?.delivered ?? 0);
    const isBusy = openPackets > 0 && openSeconds >= seconds && (ring?.occupancy ?? 0) > 0;
    return place > 0 && isBusy && taken > 0 ? [seconds / taken] : [];
  });
}

function meanOf(queue: QueueSpan, of: (seen: QueueSpan['now']) => Observations | undefined): number | undefined {
  const seen = grown(queue, (one) => of(one)?.buckets.reduce((all, count) => all + count, 0)) ?? 0;
  const sum = grown(queue, (one) => of(one)?.sum) ?? 0;
  return seen > 0 ? sum / seen : undefined;
}

// SPDX-License-Identifier: Apache-2.0
// The txqueuelen to recommend.
import type { QueueSpan } from '../window.ts';

/**
 * Round, each twice the one before. Linux 7.2 and 7.3 refuse more than 32 767 ("integer out of range"), 6.18 between
 * 524 288 and 1 000 000 ("Operation not permitted": no memory for the pointers); a longer queue would be delay anyway.
 */
const SIZES = [1000, 2000, 4000, 8000, 16_000, 32_000];
/** The next burst may be larger than those that were seen. */
const HEADROOM = 1.25;
/** Slots that the reader has taken and not yet given back. */
const LAG = 16;

/**
 * For all queues of its device, which have one txqueuelen: what holds the bursts of each that can be held.
 * undefined: none that the kernel accepts holds this queue's.
 */
export function recommendedSize(queue: QueueSpan): number | undefined {
  const { now, queues } = queue.device;
  const present = Math.max(now.queueLength, ...queues.map((one) => one.now.ring?.capacity ?? 0));
  const fitting = (needed: number): number | undefined => withRoom(needed, present + 1);
  if (fitting(neededBy(queue)) === undefined) return undefined;
  const needs = queues.map(neededBy).filter((needed) => needed > 0);
  const sizes = (needs.length > 0 ? needs : [2 * present]).flatMap((needed) => fitting(needed) ?? []);
  return sizes.length > 0 ? Math.max(...sizes) : undefined;
}

/** `least`: of the size itself; undefined: the kernel accepts none. */
export function withRoom(needed: number, least = 0): number | undefined {
  return SIZES.find((size) => size >= Math.max(HEADROOM * needed + LAG, least));
}

function neededBy({ now: { history } }: QueueSpan): number {
  return history?.overflow?.needed ?? 0;
}

// SPDX-License-Identifier: Apache-2.0
// The queue of a device that was stopped longest: its reader is what the qdisc waits for.

import { type DeviceSpan, grown, type QueueSpan } from '../window.ts';
import { LATE_SECONDS, qdiscWait } from './delay.ts';

interface Stopped {
  readonly queue: QueueSpan;
  /** The share of the window, 0 to 1. */
  readonly share: number;
}

/** undefined: no queue. */
export function mostStopped(device: DeviceSpan): Stopped | undefined {
  const shareOf = (queue: QueueSpan): number =>
    Math.min(1, (grown(queue, ({ flow }) => flow?.stoppedSeconds) ?? 0) / device.seconds);
  const [most] = device.queues
    .map((queue): Stopped => ({ queue, share: shareOf(queue) }))
    .sort((a, b) => b.share - a.share);
  return most;
}

/** Stopped for more of the time, the queue is what the qdisc waits for. */
const MOST = 0.5;

/** The queue whose full ring lets packets wait in the qdisc too; undefined: none does for long. */
export function heldBack(device: DeviceSpan): Stopped | undefined {
  const stopped = mostStopped(device);
  return stopped && stopped.share > MOST && (qdiscWait(device)?.seconds ?? 0) >= LATE_SECONDS ? stopped : undefined;
}

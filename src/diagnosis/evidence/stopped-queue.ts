// SPDX-License-Identifier: Apache-2.0
// The queue of a device that was stopped longest: its reader is what the qdisc waits for.
import { type DeviceSpan, grown, type QueueSpan } from '../window.ts';

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

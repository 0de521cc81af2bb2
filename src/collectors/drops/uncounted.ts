// SPDX-License-Identifier: Apache-2.0
// Packets that are lost and that no counter of the kernel's shows, by cause.
import { STOPPED_LOCATIONS } from '../../engine/locations.ts';
import type { Device, OtherDrop, Receive, UncountedLoss } from '../../snapshot/device.ts';
import type { Queue, QueueCounters } from '../../snapshot/queue.ts';
import type { RedirectCount } from '../redirect/state.ts';

interface Losses {
  readonly kind: Device['kind'];
  readonly queues: readonly Queue[];
  readonly otherDropped: readonly OtherDrop[] | undefined;
  readonly receive: Receive;
  readonly redirected: readonly RedirectCount[];
  readonly freedMeasured: boolean;
}

export function uncountedOf(losses: Losses): readonly UncountedLoss[] {
  const { kind, queues, otherDropped, receive, redirected, freedMeasured } = losses;
  const sum = (value: (counters: QueueCounters) => number | undefined): number =>
    queues.reduce((total, { counters }) => total + ((counters && value(counters)) ?? 0), 0);
  const freed = [
    { cause: 'purged', packets: sum(({ purged }) => purged) },
    { cause: 'resized', packets: sum(({ resized }) => resized) },
    { cause: 'failed', packets: sum(({ failed }) => failed) },
    { cause: 'overflowed', packets: sum(({ overflowed }) => overflowed) },
  ];
  const stopped = otherDropped?.filter(({ location }) => STOPPED_LOCATIONS.includes(location));
  return [
    ...(freedMeasured ? freed : []),
    ...(stopped ? [{ cause: 'stopped_queue', packets: stopped.reduce((all, { packets }) => all + packets, 0) }] : []),
    ...(redirected.length > 0 ? [{ cause: 'redirect', packets: uncountedFrames(redirected) }] : []),
    // The kernel shows them as frame errors of a tun device.
    ...(kind === 'tap' ? [{ cause: 'bad_header', packets: receive.frameErrors ?? 0 }] : []),
  ];
}

/** The kernel counts one for each call, however many it lost. */
function uncountedFrames(redirected: readonly RedirectCount[]): number {
  return redirected.reduce((sum, { lost, shortCalls }) => sum + lost - shortCalls, 0);
}

// SPDX-License-Identifier: Apache-2.0
// Packets that are lost and that no counter of the kernel's shows, by cause.
import { STOPPED_LOCATIONS } from '../probes/locations.ts';
import type { Device, OtherDrop, Queue, QueueCounters, Receive, UncountedLoss } from '../snapshot.ts';

interface Losses {
  readonly kind: Device['kind'];
  readonly queues: readonly Queue[];
  readonly otherDropped: readonly OtherDrop[] | undefined;
  readonly receive: Receive;
  readonly freedMeasured: boolean;
}

export function uncountedOf({ kind, queues, otherDropped, receive, freedMeasured }: Losses): readonly UncountedLoss[] {
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
    // Of a tun device the kernel shows them as frame errors.
    ...(kind === 'tap' ? [{ cause: 'bad_header', packets: receive.frameErrors }] : []),
  ];
}

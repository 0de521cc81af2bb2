// SPDX-License-Identifier: Apache-2.0
// One queue at one moment, as its accounts are told of it.
import type { QueueSums } from '../engine/queue-sums.ts';
import type { WalkedQueue } from '../engine/walk.ts';

export interface QueueReading {
  /** Counters read before and after the walk that saw the ring. */
  readonly before: QueueSums;
  readonly after: QueueSums;
  readonly ring: WalkedQueue | undefined;
  /** Packets that the kernel says the reader took, or vhost-net for it, where that is this one queue's alone. */
  readonly takenFromDevice: number | undefined;
  /** Packets of another index may be in the ring: what is waiting does not belong to these counters. */
  readonly renumbered: boolean;
  /** false: more seems to be delivered than the kernel says: a ring is being thrown out and nothing was freed yet. */
  readonly believable: boolean;
  /** Nothing moves, and of no packet it is open whether it entered. */
  readonly atRest: boolean;
  /** Packets that programs saw enter, and that may have been dropped. */
  readonly uncertain: number;
}

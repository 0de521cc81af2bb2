// SPDX-License-Identifier: Apache-2.0
// The state of one queue at one moment, as the accounting reads it.
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
  /** Nothing moves, and each packet is known to have entered or not. */
  readonly atRest: boolean;
  /** Packets that programs saw enter, and that may have been dropped. */
  readonly uncertain: number;
}

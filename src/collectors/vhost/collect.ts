// SPDX-License-Identifier: Apache-2.0
// vhost-net on a queue: what the walk saw of it, with what was counted.
import type { Probes } from '../../engine/attach.ts';
import type { EventSums, QueueEvent } from '../../engine/queue-events.ts';
import { type QueueSums, sumOf } from '../../engine/queue-sums.ts';
import { BATCH_BOUNDS } from '../../engine/vhost-batches.ts';
import type { WalkedVhost } from '../../engine/walked-vhost.ts';
import type { Vhost, ZeroCopy } from '../../snapshot/queue.ts';

/** The measurements that this host allows. */
export interface VhostMeasured {
  readonly returned: boolean;
  readonly batches: boolean;
  readonly buffers: boolean;
  readonly zeroCopy: boolean;
}

export function vhostMeasured(probes: Probes): VhostMeasured {
  const { can } = probes;
  return { returned: can('returned'), batches: can('batches'), buffers: can('buffers'), zeroCopy: can('zerocopy') };
}

/** A queue that vhost-net never served has no series of it. */
export function vhostOf(
  sums: QueueSums | undefined,
  walked: WalkedVhost | undefined,
  { batches, buffers, zeroCopy }: VhostMeasured,
): Vhost | undefined {
  const took = sums ? sumOf(sums.batches.sizes) : 0;
  if (!sums || (!walked && took === 0 && sums.events.size === 0)) return undefined;
  return {
    held: walked?.held,
    worker: walked?.worker,
    batches: batches ? { bounds: BATCH_BOUNDS, buckets: sums.batches.sizes, sum: sums.batches.packets } : undefined,
    noBuffer: buffers ? (sums.events.get('noBuffer') ?? 0) : undefined,
    discarded: buffers ? (sums.events.get('discarded') ?? 0) : undefined,
    zeroCopy: zeroCopy ? zeroCopyOf(sums.events, walked?.outstanding) : undefined,
  };
}

function zeroCopyOf(events: EventSums, outstanding: number | undefined): ZeroCopy {
  const count = (event: QueueEvent): number => events.get(event) ?? 0;
  return {
    tried: count('zeroCopyTried'),
    completed: { uncopied: count('zeroCopyDone'), copied: count('zeroCopyCopied') },
    notTried: {
      small: count('copiedSmall'),
      pending: count('copiedPending'),
      flush: count('copiedFlush'),
      throttled: count('copiedThrottled'),
      other: count('copiedOther'),
    },
    outstanding,
  };
}

// SPDX-License-Identifier: Apache-2.0
// What is counted of packets that vhost-net sends for guests without copying them, by a tap as by a macvtap.
import type { Unavailable } from '../engine/unavailable.ts';
import { moduleParameter } from '../kernel/host.ts';
import type { ZeroCopy } from '../snapshot/queue.ts';

/** Members of enum queue_event. */
export const ZEROCOPY_EVENTS = [
  'zerocopy_tried',
  'zerocopy_done',
  'zerocopy_copied',
  'copied_small',
  'copied_pending',
  'copied_flush',
  'copied_throttled',
  'copied_other',
];

/** Most hosts: a probe on the function that takes a guest's packets would cost each of them, and see nothing. */
export function copiesAll(): Unavailable | undefined {
  if (moduleParameter('vhost_net', 'experimental_zcopytx') > 0) return undefined;
  return { kind: 'absent', reason: 'vhost-net copies all that guests send (its parameter experimental_zcopytx is 0)' };
}

export function zeroCopyOf(count: (event: string) => number, outstanding: number | undefined): ZeroCopy {
  return {
    tried: count('zerocopy_tried'),
    completed: { uncopied: count('zerocopy_done'), copied: count('zerocopy_copied') },
    notTried: {
      small: count('copied_small'),
      pending: count('copied_pending'),
      flush: count('copied_flush'),
      throttled: count('copied_throttled'),
      other: count('copied_other'),
    },
    outstanding,
  };
}

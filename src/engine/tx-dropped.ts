// SPDX-License-Identifier: Apache-2.0
// Tells which losses before tun are in the kernel's tx_dropped too: the core's, not those of qdiscs or higher layers.
import { MANAGED_LOCATIONS, STOPPED_LOCATIONS } from './locations.ts';

interface Drop {
  /** The kernel's drop reason without its prefix. */
  readonly reason: string;
  /** The kernel function that freed the packet. */
  readonly location: string | undefined;
}

/** QDISC_DROP (or GENERIC), which every qdisc can have, is the core's own where there is no reader (noop_enqueue, on Linux 6.12 and later). */
const NEVER_REASON = /^(QDISC_(?!(DROP|GENERIC)$)\w+|FQ_\w+|CAKE_\w+|TC_EGRESS|NETFILTER_DROP)$/;

const NEVER_LOCATION: ReadonlySet<string | undefined> = new Set([
  ...MANAGED_LOCATIONS,
  ...STOPPED_LOCATIONS,
  '__rtnl_unlock',
  'qdisc_reset_queue',
  'tcf_qevent_handle',
  'nf_hook_slow',
  'neigh_probe',
]);

/** The bridge and routing are done with a packet before the core has it. */
const ABOVE = /^(br|ip|ip6)_/;

/** Whether tx_dropped may have it: reason and function are not always enough to tell. */
export function mayBeInTxDropped({ reason, location }: Drop): boolean {
  return !NEVER_REASON.test(reason) && !NEVER_LOCATION.has(location) && !ABOVE.test(location ?? '');
}

// SPDX-License-Identifier: Apache-2.0
// Which losses before tun the kernel's tx_dropped has too: those of the core, no qdisc's and none of a layer above it.

interface Drop {
  /** The kernel's drop reason without its prefix. */
  readonly reason: string;
  /** The kernel function that freed the packet. */
  readonly location: string | undefined;
}

/** QDISC_DROP, which every qdisc can have, is the core's own where there is no reader (noop_enqueue, Linux 6.12 and later). */
const NEVER_REASON = /^(QDISC_(?!DROP$)\w+|FQ_\w+|CAKE_\w+|TC_EGRESS|NETFILTER_DROP)$/;

/** Qdiscs that dequeue, are replaced or are reset; filters, the bridge and routing; packet sockets at a queue that is stopped. */
const NEVER_LOCATION =
  /codel_|^(drop_func|cake_dequeue|__rtnl_unlock|qdisc_reset_queue|tcf_qevent_handle|nf_hook_slow|br_\w+|ip6?_\w+|neigh_probe|packet_xmit|packet_direct_xmit)$/;

/** Whether tx_dropped may have it: reason and function are not always enough to tell. */
export function mayBeInTxDropped({ reason, location = '' }: Drop): boolean {
  return !NEVER_REASON.test(reason) && !NEVER_LOCATION.test(location);
}

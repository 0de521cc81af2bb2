// SPDX-License-Identifier: Apache-2.0
// Packets that the kernel freed without a reason, all of them before Linux 5.17: the function tells whether they were lost.
import type { ReasonNames } from './reasons.ts';

const UNNAMED = 'NOT_SPECIFIED';

/**
 * The bridge, netfilter, routing, neighbours, IPsec, UDP, tc, generic XDP, and qdiscs, whose drops the core frees as a list. Other functions
 * free without a reason what has arrived: drivers what they have sent, TCP what it has read.
 */
const LOSES =
  /^_*(br|nf|ip|ip6|ipv6|neigh|arp|xfrm\d?|udp|udp4|udp6|udpv6)_|generic_xdp$|^do_xdp_generic$|^__dev_queue_xmit$|^__netif_receive_skb_core|^kfree_skb_list/;

interface Freed {
  readonly reason: string;
  readonly location: string;
}

export function isLoss({ reason, location }: Freed): boolean {
  return reason !== UNNAMED || LOSES.test(location);
}

/** Numbers of reasons that say nothing. */
export interface SilentReasons {
  /** What programs note where the kernel gives no reason. */
  readonly unnamed: number;
  /** Of packets that arrived. */
  readonly consumed: number;
}

/** The number of no reason: this kernel does not have the one that was looked for. */
export const NO_REASON = 0xffff_ffff;

export function silentReasons({ number }: Pick<ReasonNames, 'number'>): SilentReasons {
  return { unnamed: number(UNNAMED) ?? 0, consumed: number('CONSUMED') ?? NO_REASON };
}

/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Packets that the host freed outside own_text, on their way to a tun or tap or from it. */
#pragma once
#include "drops/location.bpf.h"
#include "drops/source.bpf.h"
#include "drops/unrouted.bpf.h"
#include "drops/unwanted.bpf.h"

/* A packet that is neither a tap's nor known to be on its way to one, but may be: it came in by another device. */
static __always_inline void count_of_nobody(struct sk_buff *skb, u64 location, u32 class, u32 reason)
{
	if (!has_flag(reason, REASON_ROUTED | REASON_UNROUTED | REASON_UNNAMED))
		return;
	bool leads_nowhere = class == CLASS_UNROUTED;

	if (has_flag(reason, REASON_UNNAMED) && !leads_nowhere && (class != CLASS_BEFORE || GIVES_REASONS))
		return;
	if ((leads_nowhere || has_flag(reason, REASON_UNROUTED) || !has_route(skb)) && !is_unwanted(skb, class, reason))
		count_unrouted(skb, location, reason);
}

/* Of a socket's receive queue: it had arrived, or it is a sniffer's copy. */
static __always_inline bool is_closed(struct sk_buff *skb, u32 reason)
{
	return has_flag(reason, REASON_UNNAMED | REASON_CLOSED) && is_received_copy(skb);
}

/*
 * Freed outside own_text. It came in by a tun or tap, whichever device it has now; or it is on its way to
 * one; or both. Not static: the verifier follows it once, and not for each way that leads here.
 */
__noinline int count_in_host(u64 packet, u64 location, u32 reason, u64 socket)
{
	struct sk_buff *skb = (struct sk_buff *)packet;
	u32 class = class_of(location);

	if (!is_drop(class, reason, true))
		return 0;
	/* skb->dev shares its place with socket data: follow kernel addresses only, and by reads that may fail. */
	u64 device = (u64)BPF_CORE_READ(skb, dev);
	struct net_device *here = (s64)device < 0 && is_tun(device) ? (struct net_device *)device : NULL;
	struct net_device *from = here, *to = here;

	if (here && !is_registered(here))
		return 0;
	if (!is_drop(class, reason, here))
		return 0;
	if (!here || !(came_in_by(skb, here) || class == CLASS_RECEIVED))
		from = (struct net_device *)source_of(packet, device, socket);
	if (!here || from == here)
		to = routed_to(skb);
	if (!from && !to) {
		count_of_nobody(skb, location, class, reason);
		return 0;
	}
	if (is_closed(skb, reason))
		return 0;
	bool unwanted = is_unwanted(skb, class, reason);

	if (from)
		count_other_drop(from, location, reason, 1, unwanted ? DROP_UNWANTED : DROP_FROM_GUEST);
	/* The route of a packet for an address of the device itself may name the device that it came in by. */
	if (to && to != from && !unwanted && !is_received_copy(skb))
		count_drop_towards(to, location, reason, 1);
	return 0;
}

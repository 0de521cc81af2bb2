/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The output device of a packet that is dropped while skb->dev is still the input device, or none: the route names it.
 */
#pragma once
#include "device.bpf.h"

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct dst_entry {
	struct net_device *dev;
};

struct sk_buff___routed {
	unsigned long _skb_refdst;
};

#pragma clang attribute pop

#define SKB_DST_NOREF 1UL /* bit 0 of _skb_refdst: the route is not counted; bits above are its address */

enum reason_flag {
	REASON_ROUTED = 1,     /* dropped between the route and the output device (netfilter, ip_forward) */
	REASON_FROM_GUEST = 2, /* of a packet that came in by the device: the host's decision, not its end */
	REASON_UNROUTED = 4,   /* for want of a route, or by the address that it came from */
	REASON_UNNAMED = 8, /* no reason: the function that freed it says whether that was a route that leads nowhere */
};

/* Flags by reason. */
const volatile u8 reason_flags[256];

static __always_inline bool has_flag(u64 reason, u8 flags)
{
	u64 index = reason;

	/* Reasons of subsystems lie above bit 16. The barrier keeps one register for the bound and the use. */
	asm volatile("" : "+r"(index));
	return index < sizeof(reason_flags) && reason_flags[index] & flags;
}

/* The route of such a packet is looked at. */
static __always_inline bool is_routed_reason(u64 reason)
{
	return has_flag(reason, REASON_ROUTED | REASON_UNROUTED | REASON_UNNAMED);
}

/* True of all of these, and of some others: in fewer instructions. The reason is an argument of the program. */
static __always_inline bool may_be_routed(volatile u64 *ctx)
{
	return reason_flags[*(volatile u8 *)&ctx[2]];
}

static __always_inline u64 route_of(struct sk_buff *skb)
{
	return BPF_CORE_READ((struct sk_buff___routed *)skb, _skb_refdst) & ~SKB_DST_NOREF;
}

static __always_inline bool has_route(struct sk_buff *skb)
{
	return route_of(skb) != 0;
}

/* A registered tun or tap by which the route leaves; NULL: there is no route yet, or it leads elsewhere. */
static __noinline struct net_device *routed_to(struct sk_buff *skb)
{
	u64 route = route_of(skb);

	/* Otherwise it is a list of TCP's, whose packets are never freed by these functions: reads may fail. */
	if ((s64)route >= 0)
		return NULL;
	struct net_device *dev = BPF_CORE_READ((struct dst_entry *)route, dev);

	if ((s64)dev >= 0 || !is_tun((u64)dev))
		return NULL;
	u32 state = registration_state(dev);

	return state >= NETREG_REGISTERED && state <= NETREG_UNREGISTERED ? dev : NULL;
}

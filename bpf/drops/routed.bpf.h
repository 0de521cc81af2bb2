/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The output device of a packet that is dropped while skb->dev is still the input device, or none: the route names it.
 */
#pragma once
#include "device.bpf.h"

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct dst_entry {
	struct net_device *dev;
};

#pragma clang attribute pop

#define SKB_DST_NOREF 1UL /* bit 0 of _skb_refdst: the route is not counted; bits above are its address */

enum reason_flag {
	REASON_ROUTED = 1,   /* dropped between the route and the output device (netfilter, ip_forward) */
	REASON_UNWANTED = 2, /* the host has no use for the packet: of one that goes to many at once it is no loss */
	REASON_UNROUTED = 4, /* for want of a route, or by the address that it came from */
	REASON_UNNAMED = 8,  /* no reason: the function that freed it says whether that was a drop */
	REASON_CLOSED = 16,  /* the queue that it lay in was thrown away; of a socket's queue that is no drop */
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

/* Reasons of packets that were dropped for want of a route, and some others: in few instructions. The reason is an
 * argument of the program. */
static __always_inline bool may_be_unrouted(volatile u64 *ctx)
{
	return reason_flags[*(volatile u8 *)&ctx[2]] & (REASON_ROUTED | REASON_UNROUTED | REASON_UNNAMED);
}

static __always_inline u64 route_of(struct sk_buff *skb)
{
	return NUMBER(sk_buff, skb, _skb_refdst) & ~SKB_DST_NOREF;
}

/* The route's device; 0: it has none. Otherwise it is a list of TCP's: reads may fail. */
static __always_inline u64 device_of_route(u64 route)
{
	return (s64)route < 0 ? (u64)BPF_CORE_READ((struct dst_entry *)route, dev) : 0;
}

static __always_inline bool has_route(struct sk_buff *skb)
{
	return route_of(skb) != 0;
}

/* A registered tun or tap by which the route leaves; NULL: there is no route yet, or it leads elsewhere. */
static __noinline struct net_device *routed_to(struct sk_buff *skb)
{
	u64 device = device_of_route(route_of(skb));

	if ((s64)device >= 0 || !is_tun(device))
		return NULL;
	struct net_device *dev = (struct net_device *)device;

	return is_registered(dev) ? dev : NULL;
}

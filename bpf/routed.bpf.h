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
};

/* By reason. */
const volatile u8 reason_flags[256];

static __always_inline bool has_flag(u64 reason, enum reason_flag flag)
{
	u64 index = reason;

	/* The barrier keeps the bound where the verifier sees it. Reasons of subsystems lie above bit 16. */
	asm volatile("%0 &= 255" : "+r"(index));
	return reason_flags[index] & flag && reason < sizeof(reason_flags);
}

static __always_inline bool is_routed_reason(u64 reason)
{
	return has_flag(reason, REASON_ROUTED);
}

/* A registered tun or tap by which the route leaves; NULL: there is no route yet, or it leads elsewhere. */
static __noinline struct net_device *routed_to(struct sk_buff *skb)
{
	u64 route = BPF_CORE_READ((struct sk_buff___routed *)skb, _skb_refdst) & ~SKB_DST_NOREF;

	/* What else lies there is a list of TCP's, whose packets are never freed by these functions: reads may fail. */
	if ((s64)route >= 0)
		return NULL;
	struct net_device *dev = BPF_CORE_READ((struct dst_entry *)route, dev);

	if ((s64)dev >= 0 || !is_tun((u64)dev))
		return NULL;
	u32 state = registration_state(dev);

	return state >= NETREG_REGISTERED && state <= NETREG_UNREGISTERED ? dev : NULL;
}

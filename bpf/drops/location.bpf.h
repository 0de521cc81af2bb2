/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Classes of the kernel functions that free packets: what a drop there means. */
#pragma once
#include "older-kernel.bpf.h"

/* The meaning of a freeing function. src/engine/locations.ts has the functions; the agent finds their text in the
 * running kernel's symbols, and these names in our BTF. */
enum location_class {
	CLASS_UNKNOWN,
	CLASS_TRANSMIT,	  /* dropped instead of queued */
	CLASS_PURGED,	  /* in the ring of a queue that was detached or deleted */
	CLASS_RESIZED,	  /* in a ring that became smaller */
	CLASS_FAILED,	  /* the reader's buffer could not be filled */
	CLASS_OVERFLOWED, /* the ring had no room for what its backend gave back */
	CLASS_WRITTEN,	  /* from the guest or writer */
	CLASS_MACVTAP,	  /* whatever frees packets in the tap module; all up to here are in own_text */
	CLASS_RECEIVE,	  /* a socket was closed with it in its queue: the packet had arrived */
	CLASS_RECEIVED,	  /* after tun, on the way into the host, where skb_iif is not set yet: XDP, a full backlog */
	CLASS_SNIFFER,	  /* packet sockets: a copy was lost, not the packet */
	CLASS_BEFORE,	  /* a function known to drop on the way to a device */
	CLASS_UNROUTED,	  /* what a route that leads nowhere does (unreachable, blackhole, prohibit), mostly without a
			     reason */
	CLASS_HARMLESS,	  /* frees packets that did what they were made for: without a reason it is no drop */
	CLASS_NETWORK,	  /* any other function of the network stack in the kernel proper */
	CLASS_ELSEWHERE,  /* any other: without a reason, a driver may have freed what it has sent */
};

#define RANGES 96

struct text_range {
	u64 start;
	u32 length;
	enum location_class class;
};

const volatile u32 reason_not_specified;
const volatile u32 reason_consumed;
const volatile u64 sock_rfree_address;

/* A map, not a constant: a module that is loaded later brings functions of its own. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, RANGES);
	__type(key, u32);
	__type(value, struct text_range);
} text_ranges SEC(".maps");

#define LOCATION_CELLS 256

/* Verdicts on locations: address in the low 56 bits, class in the high 8, so that one word never mixes two of them. */
u64 known_locations[LOCATION_CELLS];

/* Where tun_net_xmit last freed a packet: mostly it is the same place, and one comparison tells. */
u64 transmit_location;

static __always_inline void forget_locations(void)
{
	transmit_location = 0;
	for (u32 cell = 0; cell < LOCATION_CELLS; cell++) {
		known_locations[cell] = 0;
		asm volatile("" ::: "memory"); /* else clang makes a call to memset of it */
	}
}

#define ADDRESS_BITS 0x00FFFFFFFFFFFFFFULL

/* Not static, nor the next: the verifier follows each once, and not for each way that leads here. */
__noinline u32 class_in_range(u64 location, u32 index, u32 otherwise)
{
	struct text_range *range = bpf_map_lookup_elem(&text_ranges, &index);

	return range && location - range->start < range->length ? range->class : otherwise;
}

__noinline u32 classify(u64 location, u32 cell)
{
	u32 class = CLASS_ELSEWHERE;

	for (u32 i = 0; i < RANGES; i++)
		class = class_in_range(location, i, class);
	known_locations[cell & (LOCATION_CELLS - 1)] = (location & ADDRESS_BITS) | (u64) class << 56;
	return class;
}

static __always_inline u32 class_of(u64 location)
{
	u32 cell = (location * 0x9E3779B97F4A7C15ULL) >> 56;
	u64 known = known_locations[cell];

	return (known & ADDRESS_BITS) == (location & ADDRESS_BITS) ? known >> 56 : classify(location, cell);
}

/*
 * The packet was dropped, and did not come to its end. Without a reason the function that freed it says so. `is_near`:
 * it has the tun or tap itself, so that no other driver can have sent and freed it.
 */
static __always_inline bool is_drop(u32 class, u32 reason, bool is_near)
{
	if (class == CLASS_RECEIVE || class == CLASS_SNIFFER || reason == reason_consumed)
		return false;
	if (reason != reason_not_specified)
		return true;
	return class != CLASS_HARMLESS && (is_near || class != CLASS_ELSEWHERE);
}

/* kfree_skb_list() frees what queueing disciplines drop, and the parts of packets that are freed. Only its caller tells
 * which. */
const volatile u64 kfree_skb_list_start;
const volatile u32 kfree_skb_list_length;

static __always_inline bool is_list(u64 location)
{
	return location - kfree_skb_list_start < kfree_skb_list_length;
}

#define CALLS 10 /* between a raw tracepoint's program and the function that frees a packet; and one more */

/* The place that called the function in which `location` lies; `location` where the stack does not show it. */
static __always_inline u64 caller_of(void *ctx, u64 location)
{
	u64 calls[CALLS] = {};

	bpf_get_stack(ctx, calls, sizeof(calls), 0);
	for (u32 i = 0; i + 1 < CALLS; i++)
		if (calls[i] == location)
			return calls[i + 1];
	return location;
}

/* The packet is the guest's or writer's. */
static __always_inline bool came_in_by(struct sk_buff *skb, struct net_device *dev)
{
	return BPF_CORE_READ(skb, skb_iif) == BPF_CORE_READ(dev, ifindex);
}

/* The packet lies in a socket's receive queue: a sniffer's copy. */
static __always_inline bool is_received_copy(struct sk_buff *skb)
{
	return sock_rfree_address && (u64)BPF_CORE_READ(skb, destructor) == sock_rfree_address;
}

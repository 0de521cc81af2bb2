/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Packets that a function outside of own_text freed, as nearly all are: out after a few loads. */
#pragma once
#include "drops/freed-packet.bpf.h"

/* Before the load the agent replaces each of these numbers in the instructions (src/engine/probe-symbols.ts). */
#define UNCOUNTED_PLACE	  0x756e636f /* 0; above all addresses where losses before tun are not counted */
#define TUN_OPS_PLACE	  0x74756e6f /* net_device_ops of every tun */
#define TAP_OPS_PLACE	  0x7461706f /* net_device_ops of every tap */
#define UNKNOWN_OPS_PLACE 0x756e6b6f /* 0; above all addresses where one of these two is not known */

/* `typed`: the kernel gives the packet with its type, else bpf_rdonly_cast may; NULL where neither does. */
static __always_inline struct sk_buff *packet_of(volatile u64 *ctx, bool typed)
{
	if (typed)
		return (struct sk_buff *)ctx[0];
	return typed_reads ? TYPED(sk_buff, ctx[0]) : NULL;
}

/* The same as is_bridge(), of a device whose type the kernel gives. */
static __always_inline bool is_bridge_here(struct net_device *dev)
{
	u32 flags = BPF_CORE_READ_BITFIELD((struct net_device___priv_bits *)dev, priv_flags);

	return flags & bpf_core_enum_value(enum netdev_priv_flags, IFF_EBRIDGE);
}

/*
 * Not routed, and the host's own, or still where another device received it: it came from no tap and is on its way to
 * none that anybody could know. `dev` is no tun or tap.
 */
static __always_inline bool has_nothing_of_a_tap(volatile u64 *ctx, struct sk_buff *skb, struct net_device *dev)
{
	if (skb->_skb_refdst)
		return false;
	u32 ifindex = skb->skb_iif;

	/* Where dev is no kernel address the load gives 0. */
	if (!ifindex || (u32)dev->ifindex != ifindex)
		return !ifindex;
	return !may_be_unrouted(ctx) && !is_bridge_here(dev);
}

#define SPAN_BYTES 160 /* of an skb, from dev to behind skb_iif: 128 of Linux 6.1 */

/*
 * The same where nothing gives the packet's type (raw tracepoints before Linux 6.2): one read of all that decides is
 * cheaper than three.
 */
static __noinline int freed_untyped(u64 *ctx)
{
	u64 span[SPAN_BYTES / sizeof(u64)];
	u32 begin = bpf_core_field_offset(struct sk_buff, dev);
	u32 route = bpf_core_field_offset(struct sk_buff, _skb_refdst) - begin;
	u32 index = bpf_core_field_offset(struct sk_buff, skb_iif) - begin;

	if ((u32)ctx[2] == reason_not_specified && !is_drop(class_of(ctx[1]), ctx[2], true))
		return 0;
	if (route > sizeof(span) - sizeof(u64) || index > sizeof(span) - sizeof(u32) ||
	    bpf_probe_read_kernel(span, index + sizeof(u32), (void *)(ctx[0] + begin)))
		goto unknown;
	if (*(u64 *)((void *)span + route) || *(u32 *)((void *)span + index))
		goto unknown;
	/* The host's own, and not routed. */
	if ((s64)span[0] >= 0 || !is_tun(span[0]))
		return 0;
unknown:
	return count_freed(ctx);
}

/* A function freed it that is none of ours, as nearly all are. */
static __always_inline int freed_outside(volatile u64 *ctx, u64 location, bool typed)
{
	GOTO_IF_BELOW(location, UNCOUNTED_PLACE, uncounted);
	struct sk_buff *skb = (struct sk_buff *)ctx[0];

	if (!typed) {
		GOTO_IF_BELOW(location, UNTYPED_PLACE, untyped);
		skb = TYPED(sk_buff, skb);
	}
	struct net_device *dev = skb->dev;

	GOTO_IF_BELOW(location, UNKNOWN_OPS_PLACE, unknown);
	if (!dev)
		goto other;
	/* Where dev is no kernel address the load gives 0. */
	u64 ops = (u64)dev->netdev_ops;

	GOTO_IF_EQUAL(ops, TAP_OPS_PLACE, ours);
	GOTO_IF_EQUAL(ops, TUN_OPS_PLACE, ours);
other:
	return has_nothing_of_a_tap(ctx, skb, dev) ? 0 : count_outside_apart((u64 *)ctx);
unknown:
	/* No kernel address: it has no device, or socket data lies there. */
	if ((s64)dev >= 0 || is_known_foreign(ops_of(dev)))
		goto other;
ours:
	return count_outside_apart((u64 *)ctx);
untyped:
	return freed_untyped((u64 *)ctx);
uncounted:
	/* An instruction to which nothing else leads: where losses before tun are counted, the branch is left out. */
	asm volatile("r1 = 0" : : : "r1");
	return 0;
}

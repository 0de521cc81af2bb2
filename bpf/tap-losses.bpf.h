/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What the guest or writer of a macvtap or ipvtap sends, and the host frees on its way out: in front of that device, or
 * of the one below it. Nothing of that device is in the packet there, but the socket by which it was written still is.
 */
#pragma once
#include "count-up.bpf.h"
#include "kernel.bpf.h"
#include "older-kernel.bpf.h"
#include "typed.bpf.h"

#define PACKET_BROADCAST 1
#define PACKET_MULTICAST 2
#define PACKET_OTHERHOST 3

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct tap_dev {
	struct net_device *dev;
};

/* It begins with its struct sock. */
struct tap_queue {
	struct tap_dev *tap;
};

struct sock___destruct {
	void *sk_destruct;
};

#pragma clang attribute pop

struct tap_loss_key {
	u64 location;
	u32 netns;
	u32 ifindex;
	u32 reason;
	u32 is_own; /* freed in front of the device itself, which has not counted it */
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 4096);
	__type(key, struct tap_loss_key);
	__type(value, u64);
} tap_losses SEC(".maps");

/* Of the function that ends such a socket. */
const volatile u64 tap_sock_destruct;
const volatile u32 reason_not_specified;
const volatile u32 reason_consumed;

/* Of kfree_skb(skb, location, reason). Without one the function tells whether it was lost
 * (src/engine/unnamed-losses.ts): drivers free in the same way what they have sent. */
static __always_inline u32 reason_of(u64 *ctx)
{
	return GIVES_REASONS ? ctx[2] : reason_not_specified;
}

/* Another device has received it (a veth's other end), as a frame for all, for many, or for another one: it was sent.
 */
static __always_inline bool has_arrived(struct sk_buff *skb)
{
	u32 type = BPF_CORE_READ_BITFIELD_PROBED(skb, pkt_type);

	return type == PACKET_BROADCAST || type == PACKET_MULTICAST || type == PACKET_OTHERHOST;
}

SEC("raw_tp/kfree_skb")
int lost_behind_tap(u64 *ctx)
{
	struct sk_buff *skb = (struct sk_buff *)ctx[0];
	u64 socket = (u64)NUMBER(sk_buff, skb, sk);

	if (!socket || !bpf_core_type_exists(struct tap_queue) ||
	    (u64)NUMBER(sock___destruct, socket, sk_destruct) != tap_sock_destruct)
		return 0;
	u32 reason = reason_of(ctx);
	u64 device = (u64)BPF_CORE_READ((struct tap_queue *)socket, tap, dev);

	if (!device || reason == reason_consumed || has_arrived(skb))
		return 0;
	struct tap_loss_key key = {
		.location = ctx[1],
		.netns = BPF_CORE_READ((struct net_device *)device, nd_net.net, ns.inum),
		.ifindex = BPF_CORE_READ((struct net_device *)device, ifindex),
		.reason = reason,
		.is_own = device == (u64)BPF_CORE_READ(skb, dev),
	};
	count_up(&tap_losses, &key);
	return 0;
}

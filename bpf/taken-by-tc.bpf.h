/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Packets of asked devices that no drop shows: tc took them (a BPF program or an action that steals or traps them,
 * which the core frees as used), or a native XDP program did before there was a packet to free. Attached only where
 * there is such a program. */
#pragma once
#include "device-roles.bpf.h"
#include "copies.bpf.h"
#include "for-guests.bpf.h"

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct skb_shared_info___segments {
	unsigned short gso_segs;
};

#pragma clang attribute pop

struct taken_key {
	u64 location;
	u32 netns;
	u32 device; /* ifindex of the asked one, or what stands for its bridge (guest_macs) */
	u32 at;	    /* of that where it was taken */
	u32 is_from;
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 4096);
	__type(key, struct taken_key);
	__type(value, u64);
} taken_packets SEC(".maps");

/* Frames that a device with an XDP program passed on, by device; user space names the devices. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 256);
	__type(key, struct came_in_by);
	__type(value, u64);
} passed_frames SEC(".maps");

/* consume_skb(skb, location): the location came with Linux 6.3. */
SEC("raw_tp/consume_skb")
int taken(struct bpf_raw_tracepoint_args *ctx)
{
	struct sk_buff *skb = (struct sk_buff *)ctx->args[0];
	struct net_device *dev = NUMBER(sk_buff, skb, dev);
	struct came_in_by asked = {};

	/* What has arrived in a socket has other things there. */
	if ((s64)dev >= 0)
		return 0;
	u32 iif = NUMBER(sk_buff, skb, skb_iif);
	struct taken_key key = {.location = ctx->args[1], .at = NUMBER(net_device, dev, ifindex)};

	key.netns = netns_of(dev);
	if (iif && is_asked(dev, iif, &asked)) {
		key.device = iif;
		key.is_from = 1;
	} else
		key.device = is_asked(dev, key.at, &asked) ? key.at : guest_of(false, skb, dev, key.at, iif, false);
	if (!key.device && !iif) {
		key.device = guest_in_tunnel(skb, key.netns);
		key.is_from = 1;
	}
	if (!key.device)
		return 0;
	count_up(&taken_packets, &key);
	return 0;
}

/* What GRO made one of several frames counts as these. */
SEC("raw_tp/netif_receive_skb")
int passed(struct bpf_raw_tracepoint_args *ctx)
{
	struct sk_buff *skb = (struct sk_buff *)ctx->args[0];
	struct net_device *dev = NUMBER(sk_buff, skb, dev);
	struct came_in_by key = {.netns = netns_of(dev), .ifindex = NUMBER(net_device, dev, ifindex)};
	u64 *known = bpf_map_lookup_elem(&passed_frames, &key);

	if (!known)
		return 0;
	u64 end = (u64)NUMBER(sk_buff, skb, head) + NUMBER(sk_buff___sent, skb, end);
	u32 segments = BPF_CORE_READ((struct skb_shared_info___segments *)end, gso_segs);

	__sync_fetch_and_add(known, segments ?: 1);
	return 0;
}

// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Frames to and from macvtaps, and to the devices below them. An object of its own: it runs for every packet of the
// host, and is attached only while a person asks about such a device. Those of bridges are counted by ways.bpf.c.
#include "frames.bpf.h"

/* A packet came in. */
SEC("raw_tp/netif_receive_skb")
int frame_received(struct bpf_raw_tracepoint_args *ctx)
{
	struct sk_buff *skb = (struct sk_buff *)ctx->args[0];
	struct net_device *dev = NUMBER(sk_buff, skb, dev);
	struct came_in_by key = {};
	u32 roles = roles_of(false, dev, NUMBER(net_device, dev, ifindex), &key);

	if (roles & RECEIVES)
		count_frame(false, skb, roles & RECEIVES, key);
	return 0;
}

/* The guest sends. */
SEC("raw_tp/net_dev_start_xmit")
int frame_sent(struct bpf_raw_tracepoint_args *ctx)
{
	struct net_device *dev = (struct net_device *)ctx->args[1];
	struct came_in_by key = {};
	u32 roles = roles_of(false, dev, NUMBER(net_device, dev, ifindex), &key);

	if (roles & SENDS)
		count_frame(false, (struct sk_buff *)ctx->args[0], roles & SENDS, key);
	return 0;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";

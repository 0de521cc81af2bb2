/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Packets that the host drops before it has chosen an output device: any of them may have been on its way to a tap. */
#pragma once
#include "drops/other-drops.bpf.h"
#include "receive/written.bpf.h"

struct unrouted_drop_key {
	u64 location;
	u32 reason;
	u32 netns; /* of the device that the packet came in by */
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1024);
	__type(key, struct unrouted_drop_key);
	__type(value, u64);
} unrouted_drops SEC(".maps");

u64 unrouted_total; /* grows with each: while it stands still, the table need not be read */

static __noinline int count_unrouted(struct sk_buff *skb, u64 location, u32 reason)
{
	struct net_device *dev = BPF_CORE_READ(skb, dev);

	/* Not here: what a tap's guest sent is that tap's. A bridge has put the port it chose into skb->dev. */
	if ((s64)dev >= 0 || is_tun((u64)dev) || !came_in_by(skb, dev))
		return 0;
	struct unrouted_drop_key key = {
		.location = location, .reason = reason, .netns = BPF_CORE_READ(dev, nd_net.net, ns.inum)};
	u64 *packets = bpf_map_lookup_elem(&unrouted_drops, &key), none = 0;

	if (!packets) {
		bpf_map_update_elem(&unrouted_drops, &key, &none, BPF_NOEXIST);
		packets = bpf_map_lookup_elem(&unrouted_drops, &key);
	}
	__sync_fetch_and_add(packets ?: &lost_before, 1);
	__sync_fetch_and_add(&unrouted_total, 1);
	return 0;
}

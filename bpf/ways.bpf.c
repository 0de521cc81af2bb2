// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// By which devices the host sends on what came in by a tun or tap. An object of its own: it runs for every packet of
// the host, and is attached only while a person asks. The unit is the packet as tun counted it: before the core splits
// it.
#include "asked-devices.bpf.h"
#include "for-guests.bpf.h"
#include "groups.bpf.h"
#include "kernel.bpf.h"
#include "marks.bpf.h"
#include "resolution.bpf.h"
#include "taken-by-tc.bpf.h"
#include "tap-losses.bpf.h"

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

/* Since Linux 5.8. */
struct sk_buff___redirected {
	u8 redirected : 1;
};

#pragma clang attribute pop

/* What becomes of a packet below a device that is made of others, by its kind. */
enum below {
	BELOW_NOTHING,
	BELOW_SOURCE, /* it comes in once more by the device that it came by (IFB) */
	BELOW_ITSELF, /* the same packet goes on to the next device */
	BELOW_COPIES, /* or copies of it */
};

struct way_key {
	u32 netns;
	u32 from; /* ifindex of the tun or tap */
	u32 to;	  /* ifindex of the device that it left by; 0: by several */
	u32 ports;
};

struct way {
	u64 packets;
	char name[16]; /* of the device that they left by */
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 4096);
	__type(key, struct way_key);
	__type(value, struct way);
} ways SEC(".maps");

/* Copies of one packet share their data. A bridge sends them in one go, on the CPU that got the packet. */
struct last_packet {
	u64 data; /* 0: the next one is new */
	/* Of any packet, the one before. */
	u64 seen;
	u64 seen_data;
	u64 skb;
	struct way_key key;
	u32 below; /* enum below: of the device that it left by */
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, struct last_packet);
} last_packets SEC(".maps");

static __always_inline void add(struct way_key *key, s64 packets, struct net_device *dev)
{
	struct way *known = bpf_map_lookup_elem(&ways, key), first = {};

	if (!known) {
		first.packets = packets;
		if (key->to)
			BPF_CORE_READ_INTO(&first.name, dev, name);
		known = put_or_find(&ways, key, &first);
	}
	if (known)
		__sync_fetch_and_add(&known->packets, packets);
}

static __always_inline struct last_packet *last_here(void)
{
	u32 zero = 0;

	return bpf_map_lookup_elem(&last_packets, &zero);
}

static __always_inline u32 below(u64 kind)
{
	if (kind == KIND("bridge"))
		return BELOW_COPIES;
	if (kind == KIND("ifb"))
		return BELOW_SOURCE;
	return kind == KIND("vlan") || kind == KIND("bond") || kind == KIND("team") || kind == KIND("macvlan") ||
			       kind == KIND("ipvlan")
		       ? BELOW_ITSELF
		       : BELOW_NOTHING;
}

/* An IFB throws away what comes to it in another way, by a route. */
static __always_inline bool is_redirected(struct sk_buff *skb)
{
	struct sk_buff___redirected *packet = (struct sk_buff___redirected *)skb;

	return !bpf_core_field_exists(packet->redirected) || BPF_CORE_READ_BITFIELD_PROBED(packet, redirected);
}

/* A packet came in: the memory of the one before may be its own now. */
SEC("raw_tp/netif_receive_skb")
int way_begins(struct bpf_raw_tracepoint_args *ctx)
{
	struct sk_buff *skb = (struct sk_buff *)ctx->args[0];
	struct net_device *dev = NUMBER(sk_buff, skb, dev);
	struct last_packet *last = last_here();
	struct came_in_by key = {};

	follow_received(skb, dev);
	if (last)
		last->seen_data = 0;
	if (!is_asked(dev, NUMBER(net_device, dev, ifindex), &key))
		return 0;
	count_question(skb, key);
	if (may_be_for_group(skb, dev))
		count_group(skb, key.netns, key.ifindex);
	if (last)
		last->data = 0;
	return 0;
}

/* net_dev_queue(skb): on its way into a qdisc or, where there is none, into a device. */
SEC("raw_tp/net_dev_queue")
int sent_on(struct bpf_raw_tracepoint_args *ctx)
{
	struct sk_buff *skb = (struct sk_buff *)ctx->args[0];
	u32 from = NUMBER(sk_buff, skb, skb_iif);
	struct net_device *dev = NUMBER(sk_buff, skb, dev);
	struct came_in_by key = {}, to = {};
	struct mark *mark = mark_of(skb);
	bool is_its = from && is_asked(dev, from, &key) && !came_from_elsewhere(skb, mark, key);
	struct last_packet *last = last_here();
	u64 data = (u64)NUMBER(sk_buff, skb, head);
	bool is_another = last && (is_its ? last->data == data && last->skb != (u64)skb
					  : last->seen_data == data && last->seen != (u64)skb);

	if (is_resolution(skb) && is_asked(dev, NUMBER(net_device, dev, ifindex), &to))
		count_answer(skb, to);
	if (is_another && is_its)
		copies_were_sent(last->skb);
	if (is_its)
		mark_sent(skb, mark, key, dev, is_another);
	else
		follow_sent(skb, mark, dev, from, is_another);
	if (last) {
		last->seen = (u64)skb;
		last->seen_data = data;
	}
	if (!is_its || !last)
		return 0;
	u32 next = below(kind_of(dev));

	if (next == BELOW_SOURCE && is_redirected(skb))
		return 0;
	if (data != last->data || from != last->key.from) {
		last->data = data;
		last->key.netns = key.netns;
		last->key.from = from;
		last->key.to = NUMBER(net_device, dev, ifindex);
		last->key.ports = 1;
	} else {
		if (last->below == BELOW_COPIES || (last->below == BELOW_ITSELF && last->skb == (u64)skb))
			return 0;
		add(&last->key, -1, dev);
		last->key.to = 0;
		last->key.ports++;
	}
	last->skb = (u64)skb;
	last->below = next;
	add(&last->key, 1, dev);
	return 0;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";

// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// What a question follows: by which devices the host sends on what came in by a tun or tap, frames that come to
// bridges, and packets that are freed where no counter has them. An object of its own: it runs for every packet of the
// host, once at each tracepoint, and is attached only while a person asks. The unit is the packet as tun counted it:
// before the core splits it.
#include "device-roles.bpf.h"
#include "for-guests.bpf.h"
#include "frames.bpf.h"
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
	struct way_key key; /* 0: not yet, or no longer, anyone's */
	u64 packets;
	char name[16]; /* of the device that they left by */
};

#define MOST_WAYS 4096

/* A row stays where it is, so that the next packet of the same way finds it without a hash. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, MOST_WAYS);
	__type(key, u32);
	__type(value, struct way);
} ways SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, MOST_WAYS);
	__type(key, struct way_key);
	__type(value, u32); /* its row */
} way_rows SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, MOST_WAYS);
	__type(key, u32);
	__type(value, u8);
} taken_rows SEC(".maps");

/* Rows that were taken, from the first on: for as long as the question is open. */
u32 way_count;

/* Other CPUs take rows meanwhile, and Linux 5.10 has no atomic add that gives the former number. */
#define MOST_TRIES 64

static __always_inline u32 take_row(void)
{
	u32 first = way_count;
	u8 taken = 1;

	for (u32 i = 0; i < MOST_TRIES; i++) {
		u32 row = first + i;

		if (row >= MOST_WAYS)
			break;
		if (bpf_map_update_elem(&taken_rows, &row, &taken, BPF_NOEXIST))
			continue;
		__sync_fetch_and_add(&way_count, 1);
		return row;
	}
	return MOST_WAYS;
}

/* Copies of one packet share their data. A bridge sends them in one go, on the CPU that got the packet. */
struct last_packet {
	u64 data; /* 0: the next one is new */
	/* Of any packet, the one before. */
	u64 seen;
	u64 seen_data;
	u64 skb;
	struct way_key key;
	u32 row;   /* of that key, or of one before */
	u32 below; /* enum below: of the device that it left by */
	/* Of the last kind of device (kind_text_of()): a text is cheaper to compare than to read. */
	u32 kind_crosses; /* enum crossing */
	u32 kind_below;	  /* enum below */
	u64 kind;
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, struct last_packet);
} last_packets SEC(".maps");

static __always_inline bool is_same_way(const struct way_key *one, const struct way_key *other)
{
	return one->netns == other->netns && one->from == other->from && one->to == other->to &&
	       one->ports == other->ports;
}

/* The row of the key, which is in `last` from now on. */
static __noinline struct way *find_way(struct last_packet *last, struct net_device *dev)
{
	if (!last)
		return NULL;
	u32 *known = bpf_map_lookup_elem(&way_rows, &last->key);

	if (known) {
		last->row = *known;
		return bpf_map_lookup_elem(&ways, known);
	}
	u32 row = take_row();
	struct way *way = bpf_map_lookup_elem(&ways, &row);

	if (!way)
		return NULL;
	if (bpf_map_update_elem(&way_rows, &last->key, &row, BPF_NOEXIST)) {
		known = bpf_map_lookup_elem(&way_rows, &last->key);
		return known ? bpf_map_lookup_elem(&ways, known) : NULL;
	}
	if (last->key.to)
		BPF_CORE_READ_INTO(&way->name, dev, name);
	way->key = last->key;
	last->row = row;
	return way;
}

static __always_inline void add(struct last_packet *last, s64 packets, struct net_device *dev)
{
	struct way *way = bpf_map_lookup_elem(&ways, &last->row);

	if (!way || !is_same_way(&way->key, &last->key))
		way = find_way(last, dev);
	if (way)
		__sync_fetch_and_add(&way->packets, packets);
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

static __always_inline void learn_kind(struct last_packet *last, u64 text)
{
	u64 kind = up_to_its_end(text);

	if (text == last->kind)
		return;
	last->kind = text;
	last->kind_crosses = crossing_of(kind);
	last->kind_below = below(kind);
}

/* A packet came in, and the bridge has not seen it yet. The memory of the one before may be its own now. */
static __always_inline int received(bool is_direct, struct sk_buff *skb)
{
	struct net_device *dev = FIELD(is_direct, sk_buff, skb, dev);
	struct came_in_by key = {};
	u32 roles = roles_of(is_direct, dev, FIELD(is_direct, net_device, dev, ifindex), &key);

	if (has_marks) {
		struct last_packet *last = last_here();

		follow_received(skb, dev);
		if (last)
			last->seen_data = 0;
	}
	if (roles & ROLE_ASKED) {
		struct last_packet *last = last_here();

		if (is_resolution(is_direct, skb))
			count_question(skb, key);
		if (may_be_for_group(is_direct, skb, dev))
			count_group(skb, key.netns, key.ifindex);
		if (last)
			last->data = 0;
	}
	if (roles & RECEIVES)
		count_frame(is_direct, skb, roles & RECEIVES, key);
	return 0;
}

/* netif_receive_skb(skb) */
SEC("?tp_btf/netif_receive_skb")
int received_typed(u64 *ctx)
{
	return received(true, (struct sk_buff *)ctx[0]);
}

SEC("?raw_tp/netif_receive_skb")
int received_raw(u64 *ctx)
{
	return received(false, (struct sk_buff *)ctx[0]);
}

/* On its way into a qdisc or, where there is none, into a device. */
static __always_inline int sent(bool is_direct, struct sk_buff *skb)
{
	u32 from = FIELD(is_direct, sk_buff, skb, skb_iif);
	struct net_device *dev = FIELD(is_direct, sk_buff, skb, dev);
	u32 to = FIELD(is_direct, net_device, dev, ifindex);
	struct came_in_by key = {}, by = {};
	u32 roles = roles_of(is_direct, dev, to, &by);

	/* A bridge has no qdisc, unless someone gives it one: then what is lost there is counted here too. */
	if (roles & SENDS)
		count_frame(is_direct, skb, roles & SENDS, by);
	if (roles & ROLE_ASKED && is_resolution(is_direct, skb))
		count_answer(skb, by);
	bool is_its = from && roles_of(is_direct, dev, from, &key) & ROLE_ASKED;

	if (!is_its && !has_marks)
		return 0;
	struct mark *mark = mark_of(skb);
	struct last_packet *last = last_here();
	u64 data = (u64)FIELD(is_direct, sk_buff, skb, head);

	if (!last)
		return 0;
	is_its = is_its && !came_from_elsewhere(skb, mark, key);
	bool is_another = is_its ? last->data == data && last->skb != (u64)skb
				 : last->seen_data == data && last->seen != (u64)skb;

	if (is_its) {
		learn_kind(last, kind_text_of(dev));
		if (is_another)
			copies_were_sent(last->skb);
		mark_sent(skb, mark, key, dev, last->kind_crosses, is_another);
	} else
		follow_sent(skb, mark, dev, from, is_another);
	if (has_marks) {
		last->seen = (u64)skb;
		last->seen_data = data;
	}
	if (!is_its)
		return 0;
	u32 next = last->kind_below;

	if (next == BELOW_SOURCE && is_redirected(skb))
		return 0;
	if (data != last->data || from != last->key.from) {
		last->data = data;
		last->key.netns = key.netns;
		last->key.from = from;
		last->key.to = to;
		last->key.ports = 1;
	} else {
		if (last->below == BELOW_COPIES || (last->below == BELOW_ITSELF && last->skb == (u64)skb))
			return 0;
		add(last, -1, dev);
		last->key.to = 0;
		last->key.ports++;
	}
	last->skb = (u64)skb;
	last->below = next;
	add(last, 1, dev);
	return 0;
}

/* net_dev_queue(skb) */
SEC("?tp_btf/net_dev_queue")
int sent_typed(u64 *ctx)
{
	return sent(true, (struct sk_buff *)ctx[0]);
}

SEC("?raw_tp/net_dev_queue")
int sent_raw(u64 *ctx)
{
	return sent(false, (struct sk_buff *)ctx[0]);
}

/* kfree_skb(skb, location, reason[, rx_sk]) */
SEC("?tp_btf/kfree_skb")
int asked_freed_typed(u64 *ctx)
{
	struct sk_buff *skb = (struct sk_buff *)ctx[0];

	lost_after_crossing(skb, ctx[1], reason_of(ctx));
	lost_for_guest(true, skb, ctx[1], reason_of(ctx));
	return 0;
}

SEC("?raw_tp/kfree_skb")
int asked_freed_raw(u64 *ctx)
{
	struct sk_buff *skb = (struct sk_buff *)ctx[0];

	lost_after_crossing(skb, ctx[1], reason_of(ctx));
	lost_for_guest(false, skb, ctx[1], reason_of(ctx));
	return 0;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";

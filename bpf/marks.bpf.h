/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Packets of an asked device where the kernel has forgotten by which device they came in: at the other end of a veth or
 * netkit, and inside of a tunnel (skb_scrub_packet zeroes skb_iif). The packet itself stays the same object, so its
 * address is kept, with where it was seen last. Memory is used again: each place where a packet is seen compares that,
 * and forgets what does not go on from there.
 */
#pragma once
#include "device-roles.bpf.h"
#include "copies.bpf.h"
#include "count-up.bpf.h"
#include "crossing.bpf.h"
#include "kernel.bpf.h"
#include "tap-losses.bpf.h"
#include "typed.bpf.h"

#define MAC_HEADER_BYTES 14

struct mark {
	struct came_in_by by; /* the tun or tap */
	u32 first;	      /* ifindex of the device that it left by there */
	/* Where it was seen last. */
	u32 netns;
	u32 iif; /* 0: not received there */
	u32 oif; /* of the device that it was handed to; 0: it was received since */
	u32 length;
	u16 crossing;  /* enum crossing */
	u16 copies;    /* enum copies */
	u64 queued_ns; /* when it was handed to the device `oif`; 0: it has left its qdisc, or the kernel knows it still
			*/
};

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 16384);
	__type(key, u64); /* of its struct sk_buff */
	__type(value, struct mark);
} marks SEC(".maps");

struct beyond_key {
	u64 location;
	struct came_in_by by;
	u32 first;
	u32 netns; /* where it was lost */
	u32 reason;
	u32 may_be_copy; /* for another; whether somebody else got it is not known */
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 4096);
	__type(key, struct beyond_key);
	__type(value, u64);
} lost_beyond SEC(".maps");

struct wait_key {
	struct came_in_by by;
	u32 first;
	u32 netns; /* of the device in front of which it waited */
	u32 ifindex;
};

struct wait {
	u64 packets; /* that have left its qdisc */
	u64 nanoseconds;
	char name[16]; /* of that device */
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 4096);
	__type(key, struct wait_key);
	__type(value, struct wait);
} waits_beyond SEC(".maps");

/* A packet was marked since the question was opened: else there is nothing to look up. */
u64 has_marks;

static __always_inline struct mark *mark_of(struct sk_buff *skb)
{
	u64 address = (u64)skb;

	return has_marks ? bpf_map_lookup_elem(&marks, &address) : NULL;
}

/* It came from no socket of this host. With its new header it is longer than what went into the tunnel; in front of
 * the device by which it then leaves it is as it was. */
static __always_inline bool left_tunnel(struct sk_buff *skb, const struct mark *mark, u32 iif)
{
	u32 length = NUMBER(sk_buff, skb, len);

	if (iif || NUMBER(sk_buff, skb, sk))
		return false;
	return mark->crossing == CROSSES_TUNNEL ? length >= mark->length : mark->oif && length == mark->length;
}

static __always_inline bool goes_on(struct sk_buff *skb, const struct mark *mark, u32 netns, u32 iif)
{
	return netns == mark->netns && ((iif && iif == mark->iif) || left_tunnel(skb, mark, iif));
}

/* Out of a tunnel whose other end is here too, it is shorter. */
static __always_inline bool came_out(const struct mark *mark, u32 crossing, u32 iif, u32 length)
{
	return crossing == CROSSES_TUNNEL && !iif && mark->iif && !mark->oif && length < mark->length;
}

/*
 * It came in by another device, out of a veth or a tunnel, though what it came by here last has the numbers of an asked
 * device: a namespace's inode and an ifindex repeat, and the agent may not know yet that the asked one has gone.
 */
static __always_inline bool came_from_elsewhere(struct sk_buff *skb, const struct mark *mark, struct came_in_by key)
{
	return mark && (mark->by.netns != key.netns || mark->by.ifindex != key.ifindex) &&
	       goes_on(skb, mark, key.netns, key.ifindex);
}

/* An asked device's packet, which the kernel still knows as such. `is_another`: the one before it had the same data. */
static __always_inline void mark_sent(struct sk_buff *skb, const struct mark *known, struct came_in_by by,
				      struct net_device *dev, u32 crossing, bool is_another)
{
	u64 address = (u64)skb;

	if (!crossing) {
		if (known)
			bpf_map_delete_elem(&marks, &address);
		return;
	}
	struct mark mark = {
		.by = by,
		.first = NUMBER(net_device, dev, ifindex),
		.netns = by.netns,
		.iif = by.ifindex,
		.oif = NUMBER(net_device, dev, ifindex),
		.length = NUMBER(sk_buff, skb, len),
		.crossing = crossing,
		.copies = copies_of(skb, is_another),
	};

	if (!has_marks)
		has_marks = 1;
	bpf_map_update_elem(&marks, &address, &mark, BPF_ANY);
}

/* The one before had the same data. */
static __always_inline void copies_were_sent(u64 before)
{
	struct mark *mark = mark_of((struct sk_buff *)before);

	if (mark)
		mark->copies = COPIES_SENT;
}

/* The packet is no asked device's own, or no longer known as one. */
static __always_inline void follow_sent(struct sk_buff *skb, struct mark *mark, struct net_device *dev, u32 iif,
					bool is_another)
{
	u64 address = (u64)skb;

	if (!mark)
		return;
	if (!goes_on(skb, mark, netns_of(dev), iif)) {
		bpf_map_delete_elem(&marks, &address);
		return;
	}
	mark->iif = iif;
	mark->oif = NUMBER(net_device, dev, ifindex);
	mark->length = NUMBER(sk_buff, skb, len);
	mark->crossing = crossing_of(kind_of(dev));
	if (mark->copies != COPIES_SENT)
		mark->copies = copies_of(skb, is_another) ?: mark->copies;
	mark->queued_ns = bpf_ktime_get_ns();
}

/* net_dev_start_xmit(skb, dev): out of the qdisc, if there is one. Attached where there may be marks. */
SEC("raw_tp/net_dev_start_xmit")
int waited_beyond(struct bpf_raw_tracepoint_args *ctx)
{
	struct net_device *dev = (struct net_device *)ctx->args[1];
	struct mark *mark = mark_of((struct sk_buff *)ctx->args[0]);

	if (!mark || !mark->queued_ns || mark->oif != NUMBER(net_device, dev, ifindex) || mark->netns != netns_of(dev))
		return 0;
	struct wait_key key = {.by = mark->by, .first = mark->first, .netns = mark->netns, .ifindex = mark->oif};
	u64 nanoseconds = bpf_ktime_get_ns() - mark->queued_ns;
	struct wait *known = bpf_map_lookup_elem(&waits_beyond, &key);

	mark->queued_ns = 0;
	if (!known) {
		struct wait first = {.packets = 1, .nanoseconds = nanoseconds};

		BPF_CORE_READ_INTO(&first.name, dev, name);
		known = put_or_find(&waits_beyond, &key, &first);
	}
	if (known) {
		__sync_fetch_and_add(&known->packets, 1);
		__sync_fetch_and_add(&known->nanoseconds, nanoseconds);
	}
	return 0;
}

/* At the tracepoint skb_iif is of the round before. */
static __always_inline void follow_received(struct sk_buff *skb, struct net_device *dev)
{
	u64 address = (u64)skb;
	struct mark *mark = mark_of(skb);

	if (!mark)
		return;
	u32 iif = NUMBER(sk_buff, skb, skb_iif), length = NUMBER(sk_buff, skb, len), netns = netns_of(dev);
	u32 crossing = crossing_of(kind_of(dev));
	bool is_same;

	if (mark->crossing == CROSSES_PAIR)
		is_same = !iif && crossing == CROSSES_PAIR &&
			  (length == mark->length || length + MAC_HEADER_BYTES == mark->length);
	else
		is_same = netns == mark->netns && ((iif && iif == mark->iif) || came_out(mark, crossing, iif, length));
	if (!is_same) {
		bpf_map_delete_elem(&marks, &address);
		return;
	}
	mark->netns = netns;
	mark->iif = NUMBER(net_device, dev, ifindex);
	mark->oif = 0;
	mark->length = length;
	mark->crossing = CROSSES_NOTHING;
}

/* At the only device that it was sent to. */
static __always_inline bool is_for_nobody(struct sk_buff *skb, const struct mark *mark)
{
	return mark->copies != COPIES_SENT && BPF_CORE_READ_BITFIELD_PROBED(skb, pkt_type) == PACKET_OTHERHOST;
}

/* A marked packet was freed. */
static __always_inline void lost_after_crossing(struct sk_buff *skb, u64 location, u32 reason)
{
	u64 address = (u64)skb;
	struct mark *kept = mark_of(skb);

	if (!kept)
		return;
	struct mark mark = *kept;
	struct net_device *dev = BPF_CORE_READ(skb, dev);
	u32 iif = BPF_CORE_READ(skb, skb_iif);

	bpf_map_delete_elem(&marks, &address);
	bool has_come = has_arrived(skb);

	if (reason == reason_consumed || (has_come && !is_for_nobody(skb, &mark)))
		return;
	if ((s64)dev >= 0 || !goes_on(skb, &mark, netns_of(dev), iif))
		return;
	/* As long as the kernel knows it by its device, it is counted as freed by the host. */
	if (mark.netns == mark.by.netns && mark.iif == mark.by.ifindex && iif)
		return;
	struct beyond_key key = {
		.location = location,
		.by = mark.by,
		.first = mark.first,
		.netns = mark.netns,
		.reason = reason,
		.may_be_copy = has_come && mark.copies == COPY_KEPT,
	};
	count_up(&lost_beyond, &key);
}

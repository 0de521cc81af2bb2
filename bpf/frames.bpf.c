// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Frames that come to bridges which have a tap as a port, or to the device below a macvtap, by port, VLAN and address:
// what is then done with them is in tables, and in no counter. An object of its own: it runs for every packet of the
// host, and is attached only while a person asks about a device.
#include "asked-numbers.bpf.h"
#include "count-up.bpf.h"
#include "kernel.bpf.h"
#include "typed.bpf.h"

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct sk_buff___frame {
	u16 mac_header, vlan_tci;
};

#pragma clang attribute pop

#define ETHERNET     14
#define VLAN_TAGGED  0x8100
#define VLAN_NUMBERS 0x0FFF
#define GROUP_BIT    1 /* of the first byte of an address */

enum watched_as {
	WATCHED_PORT = 1,  /* frames to groups and to guests */
	WATCHED_GUEST = 2, /* a tap's port: the senders behind it too, and frames to all */
	WATCHED_BRIDGE =
		3, /* what the host itself sends by it; what it passes up to the host comes in by it once more */
	WATCHED_MACVTAP = 4, /* what its guest sends, and from where */
	WATCHED_BELOW = 5,   /* the device below it: frames to and from guests */
};

struct watched_port {
	u32 netns;
	u32 ifindex;
};

struct frame_key {
	u32 netns;
	u32 ifindex; /* of the port that it came in by, or of the bridge, whose own it is */
	u8 address[6];
	u16 vlan; /* 0: it has no tag */
	u32 is_sender;
};

/* Six bytes and two of zeros. */
struct guest_address {
	u8 address[6];
	u16 reserved;
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 4096);
	__type(key, struct watched_port);
	__type(value, u32);
} watched_ports SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 4096);
	__type(key, struct guest_address);
	__type(value, u32);
} guest_addresses SEC(".maps");

/* The least used go first: a guest may make up addresses, and a network has thousands. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 2048);
	__type(key, struct frame_key);
	__type(value, u64);
} frames SEC(".maps");

struct ethernet {
	u8 destination[6];
	u8 source[6];
	u16 type; /* in network order */
	u16 tag;
};

static __always_inline u16 swapped(u16 value)
{
	return __builtin_bswap16(value);
}

/* A tag that the network card or the sender's VLAN device took off is in vlan_tci. */
static __always_inline u16 vlan_of(struct sk_buff___frame *skb, struct ethernet *head)
{
	u16 tag = NUMBER(sk_buff___frame, skb, vlan_tci);

	if (!tag && head->type == swapped(VLAN_TAGGED))
		tag = swapped(head->tag);
	return tag & VLAN_NUMBERS;
}

static __always_inline bool is_guest(const u8 *address)
{
	struct guest_address guest = {};

	__builtin_memcpy(guest.address, address, sizeof(guest.address));
	return bpf_map_lookup_elem(&guest_addresses, &guest) != NULL;
}

static __always_inline int look_at(struct sk_buff *skb, struct net_device *dev, bool is_sent)
{
	struct watched_port port = {};
	struct frame_key key = {};
	struct ethernet head = {};
	u32 *as;

	port.ifindex = NUMBER(net_device, dev, ifindex);
	if (!may_be_asked(port.ifindex, is_sent))
		return 0;
	port.netns = netns_of(dev);
	as = bpf_map_lookup_elem(&watched_ports, &port);
	if (!as || (*as == WATCHED_BRIDGE || *as == WATCHED_MACVTAP) != is_sent)
		return 0;
	if (bpf_probe_read_kernel(&head, sizeof(head),
				  (void *)((u64)NUMBER(sk_buff, skb, head) + NUMBER(sk_buff___frame, skb, mac_header))))
		return 0;
	key.netns = port.netns;
	key.ifindex = port.ifindex;
	key.vlan = vlan_of((struct sk_buff___frame *)skb, &head);
	bool is_guests = *as == WATCHED_GUEST || *as == WATCHED_MACVTAP;

	if (is_guests || head.destination[0] & GROUP_BIT || is_guest(head.destination)) {
		__builtin_memcpy(key.address, head.destination, sizeof(key.address));
		count_up(&frames, &key);
	}
	if (!is_guests && (*as != WATCHED_BELOW || !is_guest(head.source)))
		return 0;
	__builtin_memcpy(key.address, head.source, sizeof(key.address));
	key.is_sender = 1;
	count_up(&frames, &key);
	return 0;
}

/* A packet came in, and the bridge has not seen it yet. */
SEC("raw_tp/netif_receive_skb")
int frame_received(struct bpf_raw_tracepoint_args *ctx)
{
	struct sk_buff *skb = (struct sk_buff *)ctx->args[0];

	return look_at(skb, NUMBER(sk_buff, skb, dev), false);
}

/* The host itself sends by a bridge. */
SEC("raw_tp/net_dev_start_xmit")
int frame_sent(struct bpf_raw_tracepoint_args *ctx)
{
	return look_at((struct sk_buff *)ctx->args[0], (struct net_device *)ctx->args[1], true);
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";

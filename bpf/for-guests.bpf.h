/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Packets for a guest that are freed before they are anywhere near its device: at an uplink, an IFB, in front of a
 * bridge. Nothing but the address that they carry says for whom they are.
 */
#pragma once
#include "bridge-layout.bpf.h"
#include "tap-losses.bpf.h"
#include "tunnel-headers.bpf.h"
#include "typed.bpf.h"

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct sk_buff___mac {
	u16 mac_header;
};

struct dst_entry {
	struct net_device *dev;
};

#pragma clang attribute pop

#define IPV4_DESTINATION 16 /* in its header */
#define IPV6_DESTINATION 24
#define NO_MAC_HEADER	 0xffff
#define ROUTE_NOT_HELD	 1UL /* SKB_DST_NOREF */
#define ALL_BITS	 (8 * (sizeof(u32) + 16))

struct guest_mac {
	u32 netns;
	u8 address[6];
	u16 reserved;
};

/* Of IPv4 as ::ffff:a.b.c.d. */
struct guest_network {
	u32 bits; /* those of netns too */
	u32 netns;
	u8 address[16];
};

struct guest_loss_key {
	u64 location;
	u32 netns;
	u32 to; /* ifindex of the guest's device */
	u32 at; /* of that where it was freed */
	u32 reason;
};

/* The ifindex of the device that the address is behind. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 4096);
	__type(key, struct guest_mac);
	__type(value, u32);
} guest_macs SEC(".maps");

/* The same; 0: another device's, or the host's own, amid such a network. */
struct {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 4096);
	__type(key, struct guest_network);
	__type(value, u32);
} guest_networks SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 4096);
	__type(key, struct guest_loss_key);
	__type(value, u64);
} lost_for_guests SEC(".maps");

/* What the two have had since the question was opened, so that of most packets no key is made: by the last byte of a
 * MAC address, and behind these whether there was a network. */
#define LAST_BYTES 256
#define A_NETWORK  LAST_BYTES
#define ANYTHING   (LAST_BYTES + 1)

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, LAST_BYTES + 2);
	__type(key, u32);
	__type(value, u32);
} known_guests SEC(".maps");

static __always_inline bool has_had(u32 place)
{
	u32 *known = bpf_map_lookup_elem(&known_guests, &place);

	return known && *known;
}

const volatile u32 reason_otherhost;

static __always_inline u32 guest_by_mac(u64 place, u32 netns)
{
	union {
		struct guest_mac mac;
		struct {
			u32 netns, first;
			u32 rest;
		};
	} key = {.netns = netns};
	u64 address = 0;

	if (typed_reads)
		address = EIGHT_BYTES(place);
	else if (bpf_probe_read_kernel(&address, sizeof(key.mac.address), (void *)place))
		return 0;
	if (!has_had(address >> 40 & 0xff))
		return 0;
	key.first = address;
	key.rest = address >> 32 & 0xffff;
	u32 *to = bpf_map_lookup_elem(&guest_macs, &key);

	return to ? *to : 0;
}

static __always_inline u32 guest_by_network(u64 header, u16 protocol, u32 netns, bool is_from)
{
	if ((protocol != IPV4_PROTOCOL && protocol != IPV6_PROTOCOL) || !has_had(A_NETWORK))
		return 0;
	struct guest_network key = {.bits = ALL_BITS, .netns = netns};
	long failed;

	if (protocol == IPV4_PROTOCOL) {
		key.address[10] = key.address[11] = 0xff;
		failed = bpf_probe_read_kernel(key.address + 12, 4,
					       (void *)header + IPV4_DESTINATION - (is_from ? 4 : 0));
	} else
		failed = bpf_probe_read_kernel(key.address, 16, (void *)header + IPV6_DESTINATION - (is_from ? 16 : 0));
	u32 *to = failed ? NULL : bpf_map_lookup_elem(&guest_networks, &key);

	return to ? *to : 0;
}

/* ifindex of the device by which the route leaves; 0: there is none. Such a packet counts as lost before that device.
 */
static __always_inline u32 routed_by(struct sk_buff *skb)
{
	u64 route = NUMBER(sk_buff, skb, _skb_refdst) & ~ROUTE_NOT_HELD;

	if ((s64)route >= 0)
		return 0;
	struct net_device *dev = NUMBER(dst_entry, route, dev);

	return NUMBER(net_device, dev, ifindex);
}

static __always_inline u32 private_flags(bool is_direct, struct net_device *dev)
{
	struct net_device___priv_bits *bits = (struct net_device___priv_bits *)dev;

	if (is_direct)
		return BPF_CORE_READ_BITFIELD(bits, priv_flags);
	return BPF_CORE_READ_BITFIELD_PROBED(bits, priv_flags);
}

static __always_inline u32 packet_type(bool is_direct, struct sk_buff *skb)
{
	if (is_direct)
		return BPF_CORE_READ_BITFIELD(skb, pkt_type);
	return BPF_CORE_READ_BITFIELD_PROBED(skb, pkt_type);
}

/* The same of what a tunnel carries; `is_from`: who sent it. */
static __always_inline u32 guest_inside(u64 header, u16 outer, u32 netns, bool is_from)
{
	u16 protocol = 0;
	u64 inner = inside_tunnel(header, outer, &protocol);

	if (!inner)
		return 0;
	if (protocol != ETHERNET_PROTOCOL)
		return guest_by_network(inner, protocol, netns, is_from);
	u32 known = guest_by_mac(inner + (is_from ? 6 : 0), netns);

	return known ?: guest_by_network(inner + ETHERNET_HEADER, type_of_frame(inner), netns, is_from);
}

/* What a tunnel of the host sends has come by no device. */
static __always_inline u32 guest_in_tunnel(struct sk_buff *skb, u32 netns)
{
	return guest_inside((u64)NUMBER(sk_buff, skb, head) + NUMBER(sk_buff, skb, network_header),
			    __builtin_bswap16(NUMBER(sk_buff, skb, protocol)), netns, true);
}

/* ifindex of the device that the packet's address is behind; 0: none. `at`, `iif`: where it is, and by which device it
 * came. */
static __always_inline u32 guest_of(bool is_direct, struct sk_buff *skb, struct net_device *dev, u32 at, u32 iif,
				    bool is_for_another)
{
	u32 flags = private_flags(is_direct, dev), to = 0;
	bool came_in_here = iif == at;
	bool is_passed_up = came_in_here && flags & bpf_core_enum_value(enum netdev_priv_flags, IFF_EBRIDGE);

	/* The bridge's copies for other ports, and those that its own stack sees of frames for others. */
	if (!came_in_here && flags & bpf_core_enum_value(enum netdev_priv_flags, IFF_BRIDGE_PORT))
		return 0;
	if (is_passed_up && packet_type(is_direct, skb) == PACKET_OTHERHOST)
		return 0;
	u32 netns = netns_by(is_direct, dev);
	u64 head = (u64)FIELD(is_direct, sk_buff, skb, head);
	u64 header = head + FIELD(is_direct, sk_buff, skb, network_header);
	u16 protocol = __builtin_bswap16(FIELD(is_direct, sk_buff, skb, protocol));
	u16 frame = FIELD(is_direct, sk_buff___mac, skb, mac_header);

	if (!is_passed_up && !is_for_another && frame != NO_MAC_HEADER)
		to = guest_by_mac(head + frame, netns);
	to = to ?: guest_by_network(header, protocol, netns, false);
	return to ?: guest_inside(header, protocol, netns, false);
}

static __always_inline void lost_for_guest(bool is_direct, struct sk_buff *skb, u64 location, u32 reason)
{
	if (!has_had(ANYTHING))
		return;
	struct net_device *dev = FIELD(is_direct, sk_buff, skb, dev);

	/* What has arrived in a socket has other things there. */
	if ((s64)dev >= 0 || reason == reason_consumed)
		return;
	u32 iif = FIELD(is_direct, sk_buff, skb, skb_iif), at = FIELD(is_direct, net_device, dev, ifindex);
	u32 to = guest_of(is_direct, skb, dev, at, iif, reason == reason_otherhost);

	/* At the device itself, or from it: these are counted there. */
	if (!to || to == at || to == iif || to == routed_by(skb))
		return;
	struct guest_loss_key key = {
		.location = location,
		.netns = netns_by(is_direct, dev),
		.to = to,
		.at = at,
		.reason = reason,
	};
	count_up(&lost_for_guests, &key);
}

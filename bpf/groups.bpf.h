/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What a guest sends to multicast groups beyond its link: a router that has no route for these drops them without a
 * reason. */
#pragma once
#include "for-guests.bpf.h"
#include "resolution.bpf.h"

#define LONGEST_HEADER 40
#define SCOPE_OF_LINK  2
#define PACKET_HOST    0

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct net_device___header {
	unsigned short hard_header_len;
};

#pragma clang attribute pop

/* Of a frame; a tun's packets have none, and are told by their address alone. */
static __always_inline bool may_be_for_group(bool is_direct, struct sk_buff *skb, struct net_device *dev)
{
	u16 protocol = __builtin_bswap16(FIELD(is_direct, sk_buff, skb, protocol));

	if (protocol != IPV4_PROTOCOL && protocol != IPV6_PROTOCOL)
		return false;
	u32 type = packet_type(is_direct, skb);

	return type == PACKET_MULTICAST ||
	       (type == PACKET_HOST && !FIELD(is_direct, net_device___header, dev, hard_header_len));
}

/* A group that routers pass on, with a TTL or hop limit for that. */
static __always_inline bool is_for_group(u16 protocol, const u8 *header, u8 *address)
{
	if (protocol == IPV6_PROTOCOL) {
		__builtin_memcpy(address, header + 24, 16);
		return address[0] == 0xff && (address[1] & 0xf) > SCOPE_OF_LINK && header[7] > 1;
	}
	__builtin_memcpy(address + 12, header + 16, 4);
	address[10] = address[11] = 0xff;
	return protocol == IPV4_PROTOCOL && (address[12] & 0xf0) == 0xe0 &&
	       (address[12] != 224 || address[13] || address[14]) && header[8] > 1;
}

/* It came in by this device, and its network header is not set yet. Apart, for few packets are such. */
static __noinline int count_group(struct sk_buff *skb, u32 netns, u32 ifindex)
{
	struct question_key key = {.by = {.netns = netns, .ifindex = ifindex}};
	u8 header[LONGEST_HEADER];

	if (bpf_probe_read_kernel(header, sizeof(header), BPF_CORE_READ((struct sk_buff___sent *)skb, data)))
		return 0;
	if (is_for_group(__builtin_bswap16(NUMBER(sk_buff, skb, protocol)), header, key.address))
		count_asked(&key);
	return 0;
}

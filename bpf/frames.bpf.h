/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Frames that come to bridges which have a tap as a port, or to the device below a macvtap, by port, VLAN and
 * addresses: what is then done with them is in tables, and in no counter. */
#pragma once
#include "count-up.bpf.h"
#include "device-roles.bpf.h"
#include "kernel.bpf.h"
#include "typed.bpf.h"

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct sk_buff___frame {
	u16 mac_header, vlan_tci;
};

#pragma clang attribute pop

#define VLAN_TAGGED  0x8100
#define VLAN_NUMBERS 0x0FFF
#define GROUP_BIT    1 /* of the first byte of an address */
#define ADDRESS_BITS ((1ULL << 48) - 1)

/* One look counts it to its destination and to its sender: it is dearer than all else here. */
struct frame_key {
	u32 netns;
	u32 ifindex; /* of the port that it came in by, or of the bridge, whose own it is */
	u8 destination[6];
	u8 source[6];
	u16 vlan;      /* 0: it has no tag */
	u16 counts_to; /* enum counts_to */
};

enum counts_to { TO_DESTINATION = 1, TO_SENDER = 2 };

/* The two as eight bytes each, as a frame begins too. */
struct frame_words {
	u64 device;
	u64 first;  /* the destination, and two bytes of the source */
	u64 second; /* the rest of it, and of a frame its type and tag in network order */
};

_Static_assert(sizeof(struct frame_words) == sizeof(struct frame_key), "the same bytes");

/* Six bytes and two of zeros. */
struct guest_address {
	u8 address[6];
	u16 reserved;
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 4096);
	__type(key, struct guest_address);
	__type(value, u32);
} guest_addresses SEC(".maps");

/* The least used go first: a guest may make up addresses, and a network has thousands. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 8192);
	__type(key, struct frame_key);
	__type(value, u64);
} frames SEC(".maps");

/* A tag that the network card or the sender's VLAN device took off is in vlan_tci. */
static __always_inline u64 vlan_of(u16 tag, u64 second)
{
	if (!tag && (u16)(second >> 32) == __builtin_bswap16(VLAN_TAGGED))
		tag = __builtin_bswap16(second >> 48);
	return tag & VLAN_NUMBERS;
}

static __always_inline bool is_guest(u64 address)
{
	return bpf_map_lookup_elem(&guest_addresses, &address) != NULL;
}

/* `roles`: of the device that it came in by, or that it is sent by. */
static __always_inline void count_frame(bool is_direct, struct sk_buff *skb, u32 roles, struct came_in_by device)
{
	struct sk_buff___frame *tagged = (struct sk_buff___frame *)skb;
	u64 begin = (u64)FIELD(is_direct, sk_buff, skb, head) + FIELD(is_direct, sk_buff___frame, tagged, mac_header);
	u64 start[2];

	if (typed_reads) {
		start[0] = EIGHT_BYTES(begin);
		start[1] = EIGHT_BYTES(begin + 8);
	} else if (bpf_probe_read_kernel(start, sizeof(start), (void *)begin))
		return;
	bool is_guests = roles & (ROLE_GUEST | ROLE_MACVTAP);
	u64 destination = start[0] & ADDRESS_BITS, source = start[0] >> 48 | (start[1] & 0xffffffff) << 16;
	struct frame_words key = {
		.device = device.netns | (u64)device.ifindex << 32,
		.second = vlan_of(FIELD(is_direct, sk_buff___frame, tagged, vlan_tci), start[1]) << 32,
	};

	if (is_guests || destination & GROUP_BIT || is_guest(destination)) {
		key.first = destination;
		key.second |= (u64)TO_DESTINATION << 48;
	}
	if (is_guests || (roles & ROLE_BELOW && is_guest(source))) {
		key.first |= source << 48;
		key.second |= source >> 16 | (u64)TO_SENDER << 48;
	}
	if (key.second >> 48)
		count_up(&frames, &key);
}

/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Whose MAC address a guest asks for (ARP, neighbour discovery), and whether it gets an answer. A question that nobody
 * answers is no loss of the kernel's: whoever does not want to answer consumes it, and no packet follows.
 */
#pragma once
#include "count-up.bpf.h"
#include "marks.bpf.h"

#define ARP_PROTOCOL	  0x0806
#define ND_PROTOCOL	  0x86DD
#define ARP_REQUEST	  1
#define ARP_REPLY	  2
#define ICMPV6		  58
#define NEIGHBOUR_SOLICIT 135
#define NEIGHBOUR_ADVERT  136

struct arp_of_ipv4 {
	u8 kinds[6];
	u16 operation; /* in network order */
	u8 sender_mac[6];
	u8 sender[4];
	u8 target_mac[6];
	u8 target[4];
};

struct neighbour_discovery {
	u8 before[6];
	u8 next_header;
	u8 hop_limit;
	u8 sender[16];
	u8 receiver[16];
	u8 type;
	u8 code;
	u16 checksum;
	u32 flags;
	u8 target[16];
};

struct question_key {
	struct came_in_by by;
	u8 address[16]; /* that is asked for, or the group that it is for; of IPv4 ::ffff:a.b.c.d */
};

struct question_counts {
	u64 asked;
	u64 answered;
};

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 2048);
	__type(key, struct question_key);
	__type(value, struct question_counts);
} questions SEC(".maps");

static __always_inline bool is_resolution(bool is_direct, struct sk_buff *skb)
{
	u16 protocol = __builtin_bswap16(FIELD(is_direct, sk_buff, skb, protocol));

	return protocol == ARP_PROTOCOL || protocol == ND_PROTOCOL;
}

/* An address that asks for itself, or has none yet, makes sure that nobody has it. */
static __always_inline bool is_arp(const struct arp_of_ipv4 *arp, u16 operation, u8 *address)
{
	const u8 *one = operation == ARP_REQUEST ? arp->target : arp->sender;
	u32 sender, target;

	__builtin_memcpy(&sender, arp->sender, 4);
	__builtin_memcpy(&target, arp->target, 4);
	if (arp->operation != __builtin_bswap16(operation) || !sender || sender == target)
		return false;
	address[10] = address[11] = 0xff;
	__builtin_memcpy(address + 12, one, 4);
	return true;
}

static __always_inline bool is_discovery(const struct neighbour_discovery *nd, u8 type, u8 *address)
{
	u64 sender[2];

	__builtin_memcpy(sender, nd->sender, sizeof(sender));
	if (nd->next_header != ICMPV6 || nd->type != type || !(sender[0] | sender[1]))
		return false;
	__builtin_memcpy(address, nd->target, 16);
	return true;
}

static __always_inline bool asks_for(struct sk_buff *skb, void *header, bool is_answer, u8 *address)
{
	struct neighbour_discovery nd;
	struct arp_of_ipv4 arp;

	if (BPF_CORE_READ(skb, protocol) == __builtin_bswap16(ARP_PROTOCOL))
		return !bpf_probe_read_kernel(&arp, sizeof(arp), header) &&
		       is_arp(&arp, is_answer ? ARP_REPLY : ARP_REQUEST, address);
	return !bpf_probe_read_kernel(&nd, sizeof(nd), header) &&
	       is_discovery(&nd, is_answer ? NEIGHBOUR_ADVERT : NEIGHBOUR_SOLICIT, address);
}

static __always_inline void count_asked(const struct question_key *key)
{
	struct question_counts first = {.asked = 1}, *known = bpf_map_lookup_elem(&questions, key);

	if (!known)
		known = put_or_find(&questions, key, &first);
	if (known)
		__sync_fetch_and_add(&known->asked, 1);
}

/* It came in by this device, and its network header is not set yet. */
static __always_inline void count_question(struct sk_buff *skb, struct came_in_by by)
{
	struct question_key key = {.by = by};

	if (asks_for(skb, BPF_CORE_READ((struct sk_buff___sent *)skb, data), false, key.address))
		count_asked(&key);
}

/* It goes to this device. */
static __always_inline void count_answer(struct sk_buff *skb, struct came_in_by by)
{
	void *header = BPF_CORE_READ(skb, head) + BPF_CORE_READ(skb, network_header);
	struct question_key key = {.by = by};
	struct question_counts *known;

	if (!asks_for(skb, header, true, key.address))
		return;
	known = bpf_map_lookup_elem(&questions, &key);
	if (known)
		__sync_fetch_and_add(&known->answered, 1);
}

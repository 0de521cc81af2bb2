/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Broadcasts and multicasts that the host has no use for: they are meant for others, and nothing is lost. */
#pragma once
#include "drops/location.bpf.h"
#include "drops/routed.bpf.h"

#define PACKET_BROADCAST 1
#define PACKET_MULTICAST 2
#define PROTOCOL_IPV4	 0x0008 /* in network order, as the two below, on the little-endian machines that we run on */
#define PROTOCOL_IPV6	 0xdd86
#define IPV4_DESTINATION 16 /* place in the header */
#define IPV6_DESTINATION 24
#define IPV4_BROADCAST	 0xffffffff

/* A tun has no addresses of its own, so that each of its packets looks as if it were for the host alone. */
static __always_inline bool has_group_address(struct sk_buff *skb)
{
	u64 header = (u64)BPF_CORE_READ(skb, head) + BPF_CORE_READ(skb, network_header);
	u16 protocol = BPF_CORE_READ(skb, protocol);
	u32 address = 0;

	if (protocol == PROTOCOL_IPV4) {
		bpf_probe_read_kernel(&address, sizeof(address), (void *)header + IPV4_DESTINATION);
		return (address & 0xf0) == 0xe0 || address == IPV4_BROADCAST;
	}
	if (protocol != PROTOCOL_IPV6)
		return false;
	bpf_probe_read_kernel(&address, sizeof(address), (void *)header + IPV6_DESTINATION);
	return (address & 0xff) == 0xff;
}

/* A firewall's or a queue's drop of such a packet is a loss: its reason has no flag, its function is known to drop. */
static __noinline bool is_unwanted(struct sk_buff *skb, u32 class, u32 reason)
{
	if (!has_flag(reason, REASON_UNWANTED | REASON_UNNAMED) || class == CLASS_BEFORE || class == CLASS_RECEIVED)
		return false;
	u32 type = BPF_CORE_READ_BITFIELD_PROBED(skb, pkt_type);

	return type == PACKET_BROADCAST || type == PACKET_MULTICAST || has_group_address(skb);
}

/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What a packet carries that is a tunnel's own: at a device below the tunnel nothing else says whose it is. */
#pragma once
#include "typed.bpf.h"

#define IPV4_PROTOCOL	  0x0800
#define IPV6_PROTOCOL	  0x86DD
#define ETHERNET_PROTOCOL 0x6558
#define ETHERNET_HEADER	  14
#define CARRIES_IPV4	  4
#define CARRIES_IPV6	  41
#define CARRIES_GRE	  47
#define CARRIES_UDP	  17
#define UDP_HEADER	  8
#define VXLAN_PORT	  4789
#define VXLAN_OLD_PORT	  8472
#define GENEVE_PORT	  6081
#define TUNNEL_HEADER	  8 /* of VXLAN, and of Geneve without its options */
#define GRE_CHECKSUM	  0x8000
#define GRE_KEY		  0x2000
#define GRE_SEQUENCE	  0x1000

static __always_inline u16 word_at(u64 address)
{
	u16 word = 0;

	if (typed_reads)
		word = EIGHT_BYTES(address);
	else
		bpf_probe_read_kernel(&word, sizeof(word), (void *)address);
	return __builtin_bswap16(word);
}

static __always_inline u16 type_of_frame(u64 frame)
{
	return word_at(frame + ETHERNET_HEADER - 2);
}

/* Of VXLAN and Geneve by their ports; others' are not known. */
static __always_inline u64 inside_udp(u64 header, u16 *protocol)
{
	u16 port = word_at(header + 2);

	*protocol = ETHERNET_PROTOCOL;
	header += UDP_HEADER + TUNNEL_HEADER;
	if (port == VXLAN_PORT || port == VXLAN_OLD_PORT)
		return header;
	if (port != GENEVE_PORT)
		return 0;
	*protocol = word_at(header - TUNNEL_HEADER + 2);
	return header + 4 * (word_at(header - TUNNEL_HEADER) >> 8 & 0x3f);
}

static __always_inline u64 inside_gre(u64 header, u16 *protocol)
{
	u16 flags = word_at(header);

	*protocol = word_at(header + 2);
	return header + 4 + (flags & GRE_CHECKSUM ? 4 : 0) + (flags & GRE_KEY ? 4 : 0) + (flags & GRE_SEQUENCE ? 4 : 0);
}

/* Where the header of what it carries begins, and of which protocol; 0: it carries none. `outer`: of its own header. */
static __always_inline u64 inside_tunnel(u64 header, u16 outer, u16 *protocol)
{
	bool is_ipv4 = outer == IPV4_PROTOCOL;

	if (!is_ipv4 && outer != IPV6_PROTOCOL)
		return 0;
	u16 carries = is_ipv4 ? word_at(header + 8) & 0xff : word_at(header + 6) >> 8;

	if (carries != CARRIES_IPV4 && carries != CARRIES_IPV6 && carries != CARRIES_UDP && carries != CARRIES_GRE)
		return 0;
	u64 inner = header + (is_ipv4 ? 4 * (word_at(header) >> 8 & 0xf) : 40);

	*protocol = carries == CARRIES_IPV4 ? IPV4_PROTOCOL : IPV6_PROTOCOL;
	if (carries == CARRIES_IPV4 || carries == CARRIES_IPV6)
		return inner;
	if (carries == CARRIES_UDP)
		return inside_udp(inner, protocol);
	return inside_gre(inner, protocol);
}

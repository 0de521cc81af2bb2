/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The port of a bridge by which a packet came that the bridge has passed up to its own stack: skb_iif is the bridge's
 * then. The bridge's table of addresses knows behind which port the sender is. */
#pragma once
#include "bridge-layout.bpf.h"
#include "device.bpf.h"

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct bucket_table {
	unsigned int size, nest;
	u32 hash_rnd;
	struct bucket_table *future_tbl;
	void *buckets[0];
};

struct rhashtable {
	struct bucket_table *tbl;
};

struct sk_buff___link {
	u16 mac_header, vlan_tci;
};

#pragma clang attribute pop

#define PACKET_OTHERHOST 3
#define SOURCE_PLACE	 6 /* in an Ethernet header */
#define NO_HEADER	 0xffff
#define VLAN_IDS	 0xfff
#define USUAL_VLAN	 1  /* a port's own where the bridge filters VLANs */
#define CHAIN_LENGTH	 32 /* so that the verifier sees an end: a chain of the kernel's holds one or two */

static __always_inline u32 rotated(u32 word, u32 bits)
{
	return word << bits | word >> (32 - bits);
}

/* jhash2() of the two words of a key. */
static __always_inline u32 hash_of(u64 key, u32 seed)
{
	u32 c = 0xdeadbeef + (2 << 2) + seed, b = c + (u32)(key >> 32), a = c + (u32)key;

	c = (c ^ b) - rotated(b, 14);
	a = (a ^ c) - rotated(c, 11);
	b = (b ^ a) - rotated(a, 25);
	c = (c ^ b) - rotated(b, 16);
	a = (a ^ c) - rotated(c, 4);
	b = (b ^ a) - rotated(a, 14);
	return (c ^ b) - rotated(b, 24);
}

/* The struct net_bridge_port behind which an address and VLAN is; 0: none. */
__noinline u64 port_in_table(u64 address_of_table, u64 key)
{
	struct bucket_table *table = (struct bucket_table *)address_of_table;

	if (!table || BPF_CORE_READ(table, nest))
		return 0;
	u32 bucket = hash_of(key, BPF_CORE_READ(table, hash_rnd)) & (BPF_CORE_READ(table, size) - 1);
	u64 buckets = address_of_table + bpf_core_field_offset(struct bucket_table, buckets);
	u64 node = read_number(buckets + bucket * sizeof(void *), 8) & ~1UL; /* bit 0 locks the chain */

	/* An odd address ends it. */
	for (u32 i = 0; i < CHAIN_LENGTH && (s64)node < 0 && !(node & 1); i++) {
		u64 entry = node - bridge_layout.address_node;

		if (read_number(entry + bridge_layout.address_key, 8) == key)
			return read_number(entry + bridge_layout.address_port, 8);
		node = read_number(node, 8);
	}
	return 0;
}

static __always_inline u64 port_of_address(u64 bridge, u64 key)
{
	struct rhashtable *addresses = (struct rhashtable *)(bridge + bridge_layout.bridge_addresses);
	u64 table = (u64)BPF_CORE_READ(addresses, tbl);
	u64 port = port_in_table(table, key);

	/* While the table grows entries move to another. */
	return port ?: port_in_table((u64)BPF_CORE_READ((struct bucket_table *)table, future_tbl), key);
}

static __always_inline bool is_bridge(struct net_device *dev)
{
	u32 flags = BPF_CORE_READ_BITFIELD_PROBED((struct net_device___priv_bits *)dev, priv_flags);

	return flags & bpf_core_enum_value(enum netdev_priv_flags, IFF_EBRIDGE);
}

/* The device of the port; 0: it is not known. */
static __noinline u64 device_behind_bridge(struct sk_buff *skb, u64 device)
{
	if (!bridge_layout.known || !is_bridge((struct net_device *)device))
		return 0;
	u16 header = BPF_CORE_READ((struct sk_buff___link *)skb, mac_header);

	/* A copy for who listens to the whole bridge (tcpdump) is another's packet. */
	if (header == NO_HEADER || BPF_CORE_READ_BITFIELD_PROBED(skb, pkt_type) == PACKET_OTHERHOST)
		return 0;
	u64 bridge = (u64)private_of((struct net_device *)device), key = 0;

	bpf_probe_read_kernel(&key, 6, BPF_CORE_READ(skb, head) + header + SOURCE_PLACE);
	u64 port = port_of_address(bridge, key);

	if (!port) {
		u64 vlan = BPF_CORE_READ((struct sk_buff___link *)skb, vlan_tci) & VLAN_IDS ?: USUAL_VLAN;

		port = port_of_address(bridge, key | vlan << 48);
	}
	return (s64)port < 0 ? read_number(port + bridge_layout.port_dev, 8) : 0;
}

/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Where the kernel's bridge keeps what we read of it. */
#pragma once
#include "kernel.bpf.h"

/* Offsets, which user space reads from the bridge's types: its module may come long after these programs. */
struct bridge_layout {
	u16 known;
	u16 port_bridge, port_dev, port_list, port_state, port_flags;
	u16 bridge_dev, bridge_ports, bridge_stp, bridge_options, bridge_addresses;
	u16 address_node, address_key, address_port; /* of an entry of its table of addresses */
};

struct bridge_layout bridge_layout;

enum netdev_priv_flags { IFF_EBRIDGE = 1 << 1, IFF_BRIDGE_PORT = 1 << 9 };

/* 6.12 and later: a bit-field of an unsigned long. */
struct net_device___priv_bits {
	unsigned long priv_flags : 32;
} __attribute__((preserve_access_index));

static __always_inline u64 read_number(u64 address, u32 bytes)
{
	u64 value = 0;

	bpf_probe_read_kernel(&value, bytes & 15, (void *)address);
	return value;
}

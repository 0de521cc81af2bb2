/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The bridge that a device is a port of: what decides whether it forwards anything to it. */
#pragma once
#include "bridge-layout.bpf.h"
#include "walk/walk-state.bpf.h"

/* linux/if_bridge.h has them as macros, which no type tells; the same in 6.1 and 7.3. */
#define BR_ISOLATED (1 << 16)
#define MOST_PORTS  1024

struct port_place {
	u64 own, next, head;
	u32 isolated;
} port_at;

static __always_inline bool is_bridge_port(struct net_device *dev)
{
	u32 flags = BPF_CORE_READ_BITFIELD_PROBED((struct net_device___priv_bits *)dev, priv_flags);

	return flags & bpf_core_enum_value(enum netdev_priv_flags, IFF_BRIDGE_PORT);
}

/* Others that are isolated: neither forwards to the other. */
__noinline int look_at_port(void)
{
	u64 port = port_at.next - bridge_layout.port_list;

	if (!port_at.next || port_at.next == port_at.head)
		return 1;
	if (port != port_at.own && read_number(port + bridge_layout.port_flags, 8) & BR_ISOLATED)
		port_at.isolated++;
	port_at.next = read_number(port_at.next, 8);
	return 0;
}

__noinline int look_at_some_ports(void)
{
	for (u32 i = 0; i < 32; i++)
		if (look_at_port())
			return 1;
	return 0;
}

__noinline int look_at_ports(void)
{
	for (u32 i = 0; i < MOST_PORTS; i += 32)
		if (look_at_some_ports())
			break;
	return 0;
}

static __noinline int write_port(struct walked_device *out, struct net_device *dev)
{
	u64 port = (u64)BPF_CORE_READ(dev, rx_handler_data);

	if (!out || !port || !is_bridge_port(dev))
		return 0;
	walk.ports++;
	out->port = PORT_UNREAD;
	if (!bridge_layout.known)
		return 0;
	u64 bridge = read_number(port + bridge_layout.port_bridge, 8);
	struct net_device *master = (struct net_device *)read_number(bridge + bridge_layout.bridge_dev, 8);

	out->port = PORT_READ;
	BPF_CORE_READ_STR_INTO(&out->bridge, master, name);
	out->bridge_flags = BPF_CORE_READ(master, flags);
	out->bridge_stp = read_number(bridge + bridge_layout.bridge_stp, 4);
	out->bridge_options = read_number(bridge + bridge_layout.bridge_options, 8);
	out->port_state = read_number(port + bridge_layout.port_state, 1);
	out->port_flags = read_number(port + bridge_layout.port_flags, 8);
	if (!(out->port_flags & BR_ISOLATED))
		return 0;
	port_at.own = port;
	port_at.isolated = 0;
	port_at.head = bridge + bridge_layout.bridge_ports;
	port_at.next = read_number(port_at.head, 8);
	look_at_ports();
	out->isolated_beside = port_at.isolated;
	return 0;
}

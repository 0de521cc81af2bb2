/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The tun or tap by which a packet came into the host, at whatever depth of the host it is freed. skb_iif keeps the
 * number of that device; it means one device in one namespace. */
#pragma once
#include "drops/bridge-source.bpf.h"
#include "drops/reading-socket.bpf.h"
#include "drops/routed.bpf.h"

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct sock_common {
	possible_net_t skc_net;
};

struct sock {
	struct sock_common __sk_common;
};

#pragma clang attribute pop

#define INDEX_LISTS 256 /* NETDEV_HASHENTRIES */
/* So that the verifier sees an end: 16 × 16 × INDEX_LISTS are 65 536 devices of a namespace. */
#define LIST_PART  16
#define LIST_PARTS 16

/* skb:kfree_skb gives the socket that the packet was for: Linux 6.11. */
const volatile u8 gives_socket;

static __always_inline u64 device_of_node(u64 node)
{
	return node - bpf_core_field_offset(struct net_device, index_hlist);
}

/*
 * The node of the device with that number, or where the part ends. Not static, nor the next: the verifier follows each
 * once, and not for each way that leads here.
 */
__noinline u64 search_list(u64 node, u32 ifindex)
{
	for (u32 i = 0; i < LIST_PART && (s64)node < 0; i++) {
		if ((u32)NUMBER(net_device, device_of_node(node), ifindex) == ifindex)
			break;
		node = (u64)BPF_CORE_READ((struct hlist_node *)node, next);
	}
	return node;
}

/* As dev_get_by_index_rcu() does, by the kernel's own table: a device that was made a moment ago is in it too. */
__noinline u64 device_by_index(u64 namespace, u32 ifindex)
{
	if (!bpf_core_field_exists(((struct net *)0)->dev_index_head))
		return 0;
	u64 list = (u64)BPF_CORE_READ((struct net *)namespace, dev_index_head) +
		   (ifindex & (INDEX_LISTS - 1)) * sizeof(void *);
	u64 node = (u64)BPF_CORE_READ((struct hlist_head *)list, first);

	for (u32 i = 0; i < LIST_PARTS && (s64)node < 0; i++) {
		node = search_list(node, ifindex);
		u64 device = device_of_node(node);

		if ((s64)node < 0 && (u32)NUMBER(net_device, device, ifindex) == ifindex)
			return device;
	}
	return 0;
}

static __always_inline u64 namespace_of(u64 device)
{
	return (s64)device < 0 ? (u64)BPF_CORE_READ((struct net_device *)device, nd_net.net) : 0;
}

/* What lies at skb->dev may be no device, and the number no namespace. */
static __always_inline bool is_namespace(u64 namespace)
{
	return (s64) namespace < 0 &&
	       namespace_of((u64)BPF_CORE_READ((struct net *)namespace, loopback_dev)) == namespace;
}

/*
 * The namespace that the packet was last received in. The route was chosen there, while skb->dev may be a device below,
 * which may lie in another one (VLAN, macvlan). TCP takes skb->dev away and keeps the route; what a socket has
 * taken has neither, and is the socket's.
 */
static __noinline u64 namespace_received_in(struct sk_buff *skb, u64 device, u64 socket)
{
	u64 namespace = namespace_of(device_of_route(route_of(skb)));

	if (is_namespace(namespace))
		return namespace;
	namespace = namespace_of(device);
	if (is_namespace(namespace))
		return namespace;
	if (!socket)
		socket = (u64)BPF_CORE_READ(skb, sk) ?: reading_socket();
	u64 of_socket = 0;

	if ((s64)socket < 0)
		of_socket = (u64)BPF_CORE_READ((struct sock *)socket, __sk_common.skc_net.net);
	else if (is_queued_datagram(device))
		of_socket = own_namespace();
	return is_namespace(of_socket) ? of_socket : 0;
}

/*
 * A registered tun or tap; 0: the packet is the host's own, or came in by another device. `device` is skb->dev. Not
 * static, for the verifier.
 */
__noinline u64 source_of(u64 packet, u64 device, u64 socket)
{
	struct sk_buff *skb = (struct sk_buff *)packet;
	u32 ifindex = NUMBER(sk_buff, skb, skb_iif);

	if (!ifindex)
		return 0;
	u64 source = device;

	/* Mostly it still has the device that it came in by. */
	if ((s64)device >= 0 || (u32)NUMBER(net_device, device, ifindex) != ifindex) {
		u64 namespace = namespace_received_in(skb, device, socket);

		source = namespace ? device_by_index(namespace, ifindex) : 0;
	}
	if ((s64)source < 0 && !is_tun(source))
		source = device_behind_bridge(skb, source);
	return (s64)source < 0 && is_tun(source) && is_registered((struct net_device *)source) ? source : 0;
}

/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Is this net_device a tun or tap, and which one: for programs that get untyped arguments (raw tracepoints). */
#pragma once
#include "kernel.bpf.h"
#include "net-device.bpf.h"
#include "typed.bpf.h"

#define FOREIGN_CELLS 256
#define IFF_TAP	      0x0002 /* of tun_struct.flags, which tun sets before its ops, and never changes */

/* Address of tun_net_xmit; 0 where symbols are hidden: the link kind decides then. */
const volatile u64 tun_net_xmit_address;

/* Verdicts on net_device_ops, so that a foreign packet leaves after one read and one comparison. The walk clears them.
 */
u64 foreign_ops[FOREIGN_CELLS];
u64 tun_ops[2];	  /* of tun, and of tap */
u64 foreign_base; /* the address of foreign_ops as a number, from the first walk on */

/* The ops pointer as a number to compare and hash; its base is arbitrary, since pointers cannot be shifted but
 * subtracted. */
static __always_inline u64 ops_of(struct net_device *dev)
{
	return (u64)dev->netdev_ops - (u64)foreign_ops;
}

static __always_inline u64 ops_by_address(u64 device)
{
	return (u64)BPF_CORE_READ((struct net_device *)device, netdev_ops) - foreign_base;
}

static __always_inline u64 ops_number(u64 device)
{
	return typed_reads ? ops_of(TYPED(net_device, device)) : ops_by_address(device);
}

static __always_inline bool has_tun_kind(struct net_device *dev)
{
	char kind[4] = {};

	bpf_probe_read_kernel_str(kind, sizeof(kind), BPF_CORE_READ(dev, rtnl_link_ops, kind));
	return kind[0] == 't' && kind[1] == 'u' && kind[2] == 'n' && !kind[3];
}

static __always_inline bool transmits_by_tun(struct net_device *dev)
{
	if (tun_net_xmit_address)
		return (u64)BPF_CORE_READ(dev, netdev_ops, ndo_start_xmit) == tun_net_xmit_address;
	return has_tun_kind(dev);
}

static __always_inline u32 foreign_cell(u64 ops)
{
	return (ops >> 6) & (FOREIGN_CELLS - 1);
}

/*
 * No ops are no verdict. While TCP sorts a packet, the bytes of skb->dev look like a device without ops. So does the
 * device of a packet to which tun has not given one yet.
 */
static __noinline bool judge(u64 device, u64 ops)
{
	struct net_device *dev = (struct net_device *)device;

	if (transmits_by_tun(dev)) {
		/* A cell for each: whatever CPUs judge at once, they write the same into the same one. */
		tun_ops[BPF_CORE_READ(tun_of(dev), flags) & IFF_TAP ? 1 : 0] = ops;
		return true;
	}
	if (ops + foreign_base)
		foreign_ops[foreign_cell(ops)] = ops;
	return false;
}

/* A module that was unloaded may have left its address to other ops. */
static __always_inline void forget_foreign(void)
{
	for (u32 cell = 0; cell < FOREIGN_CELLS; cell++) {
		foreign_ops[cell] = 0;
		asm volatile("" ::: "memory"); /* else clang makes a call to memset of it */
	}
	tun_ops[0] = tun_ops[1] = 0;
	foreign_base = address_of(foreign_ops);
}

static __always_inline bool is_known_foreign(u64 ops)
{
	return foreign_ops[foreign_cell(ops)] == ops;
}

/* Decides for ops that are not known to be foreign. */
static __always_inline bool is_known_or_judged_tun(u64 device, u64 ops)
{
	return tun_ops[0] == ops || tun_ops[1] == ops || judge(device, ops);
}

static __always_inline bool is_tun(u64 device)
{
	u64 ops = ops_number(device);

	return !is_known_foreign(ops) && is_known_or_judged_tun(device, ops);
}

/* kernfs node id: 64 bits, given once, kept when the device is renamed or changes its namespace; 0 while it is being
 * deleted. */
static __always_inline u64 device_id(u64 device)
{
	if (typed_reads)
		return TYPED(net_device, device)->dev.kobj.sd->id;
	return BPF_CORE_READ((struct net_device *)device, dev.kobj.sd, id);
}

/* A queue that was detached from its device still knows it. */
static __always_inline struct net_device *device_of_file(struct tun_file *file)
{
	struct tun_struct *tun = BPF_CORE_READ(file, tun);

	if (!tun)
		tun = BPF_CORE_READ(file, detached);
	return BPF_CORE_READ(tun, dev);
}

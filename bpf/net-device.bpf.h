/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A net_device of any driver: whether it is registered, its private data, its queues. */
#pragma once
#include "tun-types.bpf.h"

#define NETREG_REGISTERED   1
#define NETREG_UNREGISTERED 3

static __always_inline u32 registration_state(struct net_device *dev)
{
	if (bpf_core_field_exists(((struct net_device___enum *)0)->reg_state))
		return BPF_CORE_READ_BITFIELD_PROBED((struct net_device___enum *)dev, reg_state);
	return BPF_CORE_READ(dev, reg_state);
}

static __always_inline bool is_registered(struct net_device *dev)
{
	u32 state = registration_state(dev);

	return state >= NETREG_REGISTERED && state <= NETREG_UNREGISTERED;
}

static __always_inline void *private_of(struct net_device *dev)
{
	if (bpf_core_field_exists(((struct net_device___priv *)0)->priv))
		return (void *)dev + bpf_core_field_offset(struct net_device___priv, priv);
	/* netdev_priv() before 6.12: behind the struct, aligned to NETDEV_ALIGN (32). */
	return (void *)dev + ((bpf_core_type_size(struct net_device) + 31) & ~31UL);
}

static __always_inline struct tun_struct *tun_of(struct net_device *dev)
{
	return private_of(dev);
}

static __always_inline struct netdev_queue *transmit_queue(struct net_device *dev, u32 queue)
{
	return (void *)BPF_CORE_READ(dev, _tx) + (u64)queue * bpf_core_type_size(struct netdev_queue);
}

/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* macvtap and ipvtap: a ring between a device's receive side and a guest, so that towards the guest is rx of the
 * device. Types of modules that are mostly absent: what reads them is left out of programs that were loaded without
 * them. */
#pragma once
#include "drops/other-drops.bpf.h"

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct tap_queue;

struct tap_dev {
	struct net_device *dev;
	struct tap_queue *taps[256];
	int numvtaps;
	int numqueues;
};

struct tap_queue {
	struct socket sock;
	struct tap_dev *tap;
	u16 queue_index;
	struct ptr_ring ring;
};

struct vlan_pcpu_stats {
	u64_stats_t rx_packets, rx_bytes, tx_packets, tx_bytes;
	u32 tx_dropped;
};

struct vlan_pcpu_stats___numbers {
	u64 rx_packets, rx_bytes, tx_packets, tx_bytes;
};

struct macvlan_dev {
	struct vlan_pcpu_stats *pcpu_stats;
};

struct ipvl_pcpu_stats {
	u64_stats_t rx_pkts, rx_bytes, tx_pkts, tx_bytes;
	u32 tx_drps;
};

struct ipvl_pcpu_stats___numbers {
	u64 rx_pkts, rx_bytes, tx_pkts, tx_bytes;
};

struct ipvl_dev {
	struct ipvl_pcpu_stats *pcpu_stats;
};

struct net_device___handled {
	void *rx_handler;
	void *rx_handler_data;
};

#pragma clang attribute pop

/* All functions of the tap module that free packets; set by the walk. */
u64 macvtap_start, macvtap_length;

/* Address of tap_release, once its module is there: a program loaded before cannot have it as a constant. */
u64 tap_release_seen;

/* The packet's device received it, or sends it for the guest. */
static __noinline int count_macvtap(struct sk_buff *skb, u64 location, u32 reason)
{
	struct net_device *dev = BPF_CORE_READ(skb, dev);

	if ((s64)dev < 0)
		count_drop_towards(dev, location, reason, 1);
	else
		__sync_fetch_and_add(&lost_no_device, 1);
	return 0;
}

/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Types and fields as older kernels have them, back to Linux 5.10, and what such a kernel lacks. */
#pragma once
#include "tun-types.bpf.h"

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

/* Before Linux 6.0. */
struct pcpu_sw_netstats___numbers {
	u64 rx_packets, rx_bytes, tx_packets, tx_bytes;
};

/* Before Linux 5.16. */
struct gnet_stats_basic_packed {
	u64 bytes;
	u32 packets;
};

struct Qdisc___numbers {
	struct gnet_stats_basic_packed bstats;
};

/* Before Linux 5.18. */
struct net_device___drops {
	atomic_long_t tx_dropped, rx_dropped;
};

/* Before Linux 5.11. */
struct tun_pcpu_stats {
	u64 rx_packets, rx_bytes, tx_packets, tx_bytes;
	u32 rx_dropped, tx_dropped, rx_frame_errors;
};

struct tun_struct___stats {
	struct tun_pcpu_stats *pcpu_stats;
};

struct tap_filter {
	unsigned int count;
};

struct tun_struct___filters {
	struct tap_filter txflt;
	bool filter_attached;
	void *filter_prog;
};

#pragma clang attribute pop

enum skb_drop_reason { SKB_NOT_DROPPED_YET };

/* skb:kfree_skb gives a reason: Linux 5.17. */
#define GIVES_REASONS bpf_core_type_exists(enum skb_drop_reason)

/* tun_net_xmit() drops for a filter, for a full ring, or because no memory is left. */
static __always_inline bool has_filter(struct tun_struct *tun)
{
	struct tun_struct___filters *filters = (struct tun_struct___filters *)tun;

	return BPF_CORE_READ(filters, txflt.count) || BPF_CORE_READ(filters, filter_attached) ||
	       BPF_CORE_READ(filters, filter_prog);
}

/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* How many packets vhost-net takes at once, beside the row of the same number. */
#pragma once
#include "rows/queue.bpf.h"

#define BATCH_SIZES 8

/* Batches by size: 1, 2, up to 4, 8, 16, 32, 64 (VHOST_NET_BATCH), more. */
struct vhost_batches {
	u64 sizes[BATCH_SIZES];
	u64 packets;
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 65536);
	__type(key, u32);
	__type(value, struct vhost_batches);
} vhost_batches SEC(".maps");

/* Three comparisons for any size: most batches are full. */
static __always_inline u32 batch_size(u32 packets)
{
	if (packets > 8)
		return packets > 32 ? (packets > 64 ? 7 : 6) : (packets > 16 ? 5 : 4);
	return packets > 2 ? (packets > 4 ? 3 : 2) : (packets > 1 ? 1 : 0);
}

static __always_inline void count_batch(u32 row, u32 packets)
{
	struct vhost_batches *batches = bpf_map_lookup_elem(&vhost_batches, &row);

	if (!batches)
		return;
	__sync_fetch_and_add(&batches->sizes[batch_size(packets)], 1);
	__sync_fetch_and_add(&batches->packets, packets);
}

static __always_inline void forget_batches(u32 row)
{
	struct vhost_batches *batches = bpf_map_lookup_elem(&vhost_batches, &row);

	if (batches)
		__builtin_memset(batches, 0, sizeof(*batches));
}

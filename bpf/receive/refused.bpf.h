/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Writes from the guest or writer that tun refused, by errno. */
#pragma once
#include "insertions.bpf.h"
#include "receive/written.bpf.h"

struct refused_key {
	u64 device_id;
	u32 error;
	u32 reserved;
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 4096);
	__type(key, struct refused_key);
	__type(value, u64);
} refused_writes SEC(".maps");
struct insertions refused_writes_insertions;

u64 lost_receive; /* a map was full, or the device is being deleted */

static __always_inline void count_refused(struct net_device *dev, u32 error)
{
	struct refused_key key = {.device_id = device_id((u64)dev), .error = error};
	u64 *writes = bpf_map_lookup_elem(&refused_writes, &key), none = 0;

	if (!writes && key.device_id) {
		INSERT(refused_writes, &key, &none);
		writes = bpf_map_lookup_elem(&refused_writes, &key);
	}
	__sync_fetch_and_add(writes ?: &lost_receive, 1);
}

/* A file that was never attached belongs to no device, and its EBADFD to none either. */
static __noinline int end_write(struct tun_file *file, s64 result)
{
	struct net_device *dev = device_of_file(file);

	if (result < 0 && dev)
		count_refused(dev, -result);
	if (unattributed_tasks)
		attribute(dev);
	return 0;
}

/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Drops that belong to no row: before a device's rings, and of what came in by it; by the function that freed them. */
#pragma once
#include "device.bpf.h"
#include "insertions.bpf.h"

enum drop_direction {
	DROP_TOWARDS,	 /* the device; or freed by it, either way */
	DROP_FROM_GUEST, /* or writer: freed after tun had passed it on to the host */
	DROP_UNWANTED,	 /* the same, to many at once, of whom the host is none */
};

struct other_drop_key {
	u64 device;
	u64 device_id;
	u64 location;
	u32 reason;
	enum drop_direction direction;
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 8192);
	__type(key, struct other_drop_key);
	__type(value, u64);
} other_drops SEC(".maps");
struct insertions other_drops_insertions;

u64 lost_before;    /* other_drops was full */
u64 lost_no_device; /* dropped in tun, and the packet names no device */

static __always_inline void count_other_drop(struct net_device *dev, u64 location, u32 reason, u32 count,
					     enum drop_direction direction)
{
	struct other_drop_key key = {.device = (u64)dev,
				     .device_id = device_id((u64)dev),
				     .location = location,
				     .reason = reason,
				     .direction = direction};
	u64 *packets = bpf_map_lookup_elem(&other_drops, &key), none = 0;

	if (!packets) {
		INSERT(other_drops, &key, &none);
		packets = bpf_map_lookup_elem(&other_drops, &key);
	}
	__sync_fetch_and_add(packets ?: &lost_before, count);
}

static __always_inline void count_drop_towards(struct net_device *dev, u64 location, u32 reason, u32 count)
{
	count_other_drop(dev, location, reason, count, DROP_TOWARDS);
}

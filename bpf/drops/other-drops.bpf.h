/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Drops that belong to no row: before a device's rings, and of what came in by it; by the function that freed them. */
#pragma once
#include "device.bpf.h"

struct other_drop_key {
	u64 device;
	u64 device_id;
	u64 location;
	u32 reason;
	u32 from_guest; /* or writer: freed after tun had passed it on to the host */
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 8192);
	__type(key, struct other_drop_key);
	__type(value, u64);
} other_drops SEC(".maps");

u64 lost_before;    /* other_drops was full */
u64 lost_no_device; /* dropped in tun, and the packet names no device */

static __always_inline void count_direction(struct net_device *dev, u64 location, u32 reason, u32 count, u32 from_guest)
{
	struct other_drop_key key = {.device = (u64)dev,
				     .device_id = device_id((u64)dev),
				     .location = location,
				     .reason = reason,
				     .from_guest = from_guest};
	u64 *packets = bpf_map_lookup_elem(&other_drops, &key), none = 0;

	if (!packets) {
		bpf_map_update_elem(&other_drops, &key, &none, BPF_NOEXIST);
		packets = bpf_map_lookup_elem(&other_drops, &key);
	}
	__sync_fetch_and_add(packets ?: &lost_before, count);
}

static __always_inline void count_at(struct net_device *dev, u64 location, u32 reason, u32 count)
{
	count_direction(dev, location, reason, count, 0);
}

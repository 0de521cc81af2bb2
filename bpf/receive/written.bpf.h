/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Finds the device of a packet that was freed in tun_get_user or tun_sendmsg. Some name none yet, and then
 * the writer's own call tells it when it ends. */
#pragma once
#include "drops/other-drops.bpf.h"

/* The ends of both functions' callers are seen: the programs of all mechanisms that provide write-ends are loaded. */
const volatile u8 write_ends_seen;

/* Packets that were freed in the call that this task is in. */
struct unattributed {
	u64 location;
	u32 reason;
	u32 packets;
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 256);
	__type(key, u64); /* the task's address */
	__type(value, struct unattributed);
} unattributed SEC(".maps");

u32 unattributed_tasks; /* so that a call without losses pays for one comparison only */

static __noinline int keep_for_writer(u64 location, u32 reason)
{
	u64 task = bpf_get_current_task();
	struct unattributed *kept = bpf_map_lookup_elem(&unattributed, &task);
	struct unattributed first = {.location = location, .reason = reason, .packets = 1};

	if (kept && kept->location == location && kept->reason == reason)
		kept->packets++; /* only this task writes its own entry */
	else if (!kept && write_ends_seen && !bpf_map_update_elem(&unattributed, &task, &first, BPF_NOEXIST))
		__sync_fetch_and_add(&unattributed_tasks, 1);
	else
		__sync_fetch_and_add(&lost_no_device, 1);
	return 0;
}

static __noinline int count_written(struct sk_buff *skb, u64 location, u32 reason)
{
	/* A tun_file begins with its struct sock, and owns what is written to it; NAPI's packets have a device instead.
	 */
	struct tun_file *file = (struct tun_file *)BPF_CORE_READ(skb, sk);
	struct net_device *dev = file ? device_of_file(file) : BPF_CORE_READ(skb, dev);

	if (!dev)
		return keep_for_writer(location, reason);
	count_drop_towards(dev, location, reason, 1);
	return 0;
}

/* Runs at the end of the call: counts the kept packets for the device. */
static __noinline int attribute(struct net_device *dev)
{
	u64 task = bpf_get_current_task();
	struct unattributed *kept = bpf_map_lookup_elem(&unattributed, &task);

	if (!kept)
		return 0;
	if (dev)
		count_drop_towards(dev, kept->location, kept->reason, kept->packets);
	else
		__sync_fetch_and_add(&lost_no_device, kept->packets);
	bpf_map_delete_elem(&unattributed, &task);
	__sync_fetch_and_sub(&unattributed_tasks, 1);
	return 0;
}

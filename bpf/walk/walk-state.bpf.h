/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The position of a walk and what it has written, for all its parts. */
#pragma once
#include "walk/walk.bpf.h"

#define WALK_DEVICES 8192
#define WALK_QUEUES  16384

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, WALK_DEVICES);
	__type(key, u32);
	__type(value, struct walked_device);
} walked_devices SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, WALK_QUEUES);
	__type(key, u32);
	__type(value, struct walked_queue);
} walked_queues SEC(".maps");

/* One walk at a time. In .bss, not on the stack: through nested loops the verifier would follow every value of it. Not
 * static: clang would put them behind the rows. */
struct walk_result walk;
struct walk_place {
	struct net *net;
	struct net_device *dev;
	struct tun_struct *tun;
	struct walked_device *out;
	u64 next_net, first_net, next_dev, dev_head, next_disabled, ops;
	u64 tap; /* of a macvtap: its struct tap_dev */
	u32 device, cpu;
	enum device_kind kind;		   /* of the devices that are walked */
	u64 tstats, core_stats, tun_stats; /* per-CPU addresses */
} at;

/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The tuns and taps that a question is about. */
#pragma once
#include "asked-numbers.bpf.h"
#include "kernel.bpf.h"
#include "typed.bpf.h"

struct came_in_by {
	u32 netns;
	u32 ifindex;
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 4096);
	__type(key, struct came_in_by);
	__type(value, u32);
} asked_devices SEC(".maps");

static __always_inline bool is_asked(struct net_device *dev, u32 ifindex, struct came_in_by *key)
{
	if (!may_be_asked(ifindex, false))
		return false;
	key->netns = netns_of(dev);
	key->ifindex = ifindex;
	return bpf_map_lookup_elem(&asked_devices, key) != NULL;
}

/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Drops by conntrack itself in a namespace, most often because its table is full. */
#pragma once
#include "walk/per-cpu.bpf.h"
#include "walk/walk-state.bpf.h"

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct ip_conntrack_stat {
	unsigned int drop;
};

struct netns_ct {
	struct ip_conntrack_stat *stat; /* per CPU; allocated by conntrack's module */
};

struct net___conntrack {
	struct netns_ct ct;
};

#pragma clang attribute pop

struct {
	u64 net, stat, dropped;
} conntrack_at;

__noinline int add_conntrack(u32 cpu)
{
	u64 base = conntrack_at.stat + offset_of_cpu(cpu);
	u32 part = 0;

	bpf_probe_read_kernel(&part, sizeof(part),
			      (void *)(base + bpf_core_field_offset(struct ip_conntrack_stat, drop)));
	conntrack_at.dropped += part;
	return 0;
}

/* Once for each namespace with devices. NOT_COUNTED: this kernel has no conntrack. */
__noinline u64 conntrack_dropped(void)
{
	struct net *net = at.net;

	if (conntrack_at.net == (u64)net)
		return conntrack_at.dropped;
	conntrack_at.net = (u64)net;
	conntrack_at.dropped = NOT_COUNTED;
	if (!bpf_core_field_exists(((struct net___conntrack *)0)->ct.stat) ||
	    !bpf_core_field_exists(((struct ip_conntrack_stat *)0)->drop))
		return NOT_COUNTED;
	conntrack_at.stat = (u64)BPF_CORE_READ((struct net___conntrack *)net, ct.stat);
	if (!conntrack_at.stat)
		return NOT_COUNTED;
	conntrack_at.dropped = 0;
	for (u32 cpu = 0; cpu < possible_cpus; cpu++)
		add_conntrack(cpu);
	return conntrack_at.dropped;
}

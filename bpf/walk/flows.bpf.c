// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// The flow table of a tun or tap with several queues: what its program wrote in the last three seconds, and to which
// queue the answers to each flow go by that (tun_flow_update).
#include "kernel.bpf.h"
#include "on-request.bpf.h"

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct tun_flow_entry {
	struct hlist_node hash_link;
	struct tun_struct *tun;
	int queue_index;
};

struct tun_struct___flows {
	struct hlist_head flows[1024];
	void *steering_prog;
};

#pragma clang attribute pop

#define FLOW_HEADS   1024 /* TUN_NUM_FLOW_ENTRIES */
#define MOST_IN_HEAD 64	  /* of 4096 flows at most, on 1024 heads */
#define FLOW_QUEUES  64	  /* queues that are counted by themselves */

struct flow_table {
	u64 tun_file; /* in */
	u32 known;
	u32 steered; /* a BPF program chooses the queue */
	u32 flows;
	u32 queues[FLOW_QUEUES];
};

struct flow_count {
	u64 tun;
	u32 flows;
	u32 queues[FLOW_QUEUES];
} flow_count;

__noinline int count_flow_head(u32 head)
{
	struct tun_struct___flows *tun = (struct tun_struct___flows *)flow_count.tun;
	u64 first = bpf_core_field_offset(struct tun_struct___flows, flows) + 8ULL * (head & (FLOW_HEADS - 1));
	u64 node = 0;

	bpf_probe_read_kernel(&node, sizeof(node), (void *)tun + first);
	for (u32 i = 0; i < MOST_IN_HEAD; i++) {
		struct tun_flow_entry *entry;

		if (!node)
			break;
		entry = (void *)(node - bpf_core_field_offset(struct tun_flow_entry, hash_link));
		if ((u64)BPF_CORE_READ(entry, tun) != flow_count.tun)
			break; /* freed meanwhile */
		flow_count.flows++;
		flow_count.queues[(u32)BPF_CORE_READ(entry, queue_index) & (FLOW_QUEUES - 1)]++;
		node = (u64)BPF_CORE_READ(entry, hash_link.next);
	}
	return 0;
}

__noinline int count_flow_heads(u32 first)
{
	for (u32 i = 0; i < 64; i++)
		count_flow_head(first + i);
	return 0;
}

ON_REQUEST(count_flows, struct flow_table)
{
	struct tun_file *file = (struct tun_file *)request->tun_file;
	struct tun_struct *tun = BPF_CORE_READ(file, tun);
	struct tun_struct___flows *table = (struct tun_struct___flows *)tun;

	request->known = 0;
	if (!tun || !bpf_core_field_exists(table->flows) ||
	    !bpf_core_field_exists(((struct tun_flow_entry *)0)->queue_index))
		return 0;
	__builtin_memset(&flow_count, 0, sizeof(flow_count));
	flow_count.tun = (u64)tun;
	for (u32 first = 0; first < FLOW_HEADS; first += 64)
		count_flow_heads(first);
	request->known = 1;
	request->steered = BPF_CORE_READ(table, steering_prog) != NULL;
	request->flows = flow_count.flows;
	__builtin_memcpy(request->queues, flow_count.queues, sizeof(flow_count.queues));
	return 0;
}

// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Notes and judges the devices of two namespaces at once, on two CPUs, by the product's own functions: on this kernel
// one RTNL keeps two ends apart, and nothing keeps two packets apart.
#include "kernel.bpf.h"

const volatile u32 possible_cpus = 1;

#include "ended.bpf.c"

/* Of each of the two devices, which are quiet. */
const volatile u32 namespaces[2];
const volatile u32 waiting[2];
const volatile u64 dropped[2];

u64 exact[2], mixed[2];
u64 alike; /* both cells had the same ops */

/* The device of a namespace that has one, behind its loopback. */
static __always_inline struct net_device *device_in(struct net *net)
{
	struct list_head *element = BPF_CORE_READ(net, dev_base_head.next, next);

	return (void *)((u64)element - bpf_core_field_offset(struct net_device, dev_list));
}

static __always_inline void judge_again(struct net_device *dev)
{
	u64 ops = ops_by_address((u64)dev);

	/* As a CPU that found no cell before another one filled it. */
	judge((u64)dev, ops);
	judge((u64)dev, ops);
	if (tun_ops[0] && tun_ops[0] == tun_ops[1])
		__sync_fetch_and_add(&alike, 1);
	tun_ops[0] = tun_ops[1] = 0;
}

/* The programs that run in the two namespaces do system calls without an end. */
SEC("raw_tp/sys_enter")
int end_again(u64 *ctx)
{
	struct task_struct *task = (struct task_struct *)bpf_get_current_task();
	struct net *net = BPF_CORE_READ(task, nsproxy, net_ns);
	u32 netns = BPF_CORE_READ(net, ns.inum), side = netns == namespaces[1];

	if (netns != namespaces[side])
		return 0;
	struct net_device *dev = device_in(net);
	u64 id = device_id((u64)dev);

	judge_again(dev);
	note_end(dev);
	struct ended_device *out = bpf_map_lookup_elem(&ended_devices, &id);

	if (!out)
		return 0;
	if (out->waiting == waiting[side] && out->tx_dropped == dropped[side])
		__sync_fetch_and_add(&exact[side], 1);
	else
		__sync_fetch_and_add(&mixed[side], 1);
	bpf_map_delete_elem(&ended_devices, &id);
	return 0;
}

char _license[] SEC("license") = "Dual BSD/GPL";

/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Packets that stand in the qdiscs in front of a device, and the part of the tree that holds most of them. */
#pragma once
#include "device.bpf.h"
#include "walk/per-cpu.bpf.h"
#include "walk/walk-state.bpf.h"

/* net/sch_generic.h has them as macros, which no type tells; the same in 5.10 and 7.3. */
#define TCQ_F_CPUSTATS	0x20
#define TCQ_F_INVISIBLE 0x80 /* made with its parent: tc shows it on request only */

#define NO_QUEUE       ~0U
#define HASH_BUCKETS   16
#define MOST_QDISCS    2048 /* of which the fullest is looked for, buckets included */
#define DEEPEST	       4

/* One device at a time; why not on the stack: struct walk_result. */
struct backlog {
	struct gnet_stats_queue sum;
	u64 cpu_stats; /* per-CPU address */
	u64 fullest;   /* its address as a number, as of all qdiscs below */
	u32 fullest_packets, fullest_queue;
	u32 read; /* qdiscs */
	u32 tun_flags;
} backlog;

/* The search for the holder. */
struct holder {
	u64 qdisc, child, next, bucket, end;
	u32 handle, class, packets, child_class, child_packets;
} holder;

static __always_inline u64 read_address(u64 at)
{
	u64 address = 0;

	bpf_probe_read_kernel(&address, sizeof(address), (void *)at);
	return address;
}

static __always_inline void read_kind(char (*into)[16], struct Qdisc *qdisc)
{
	const struct Qdisc_ops *ops = BPF_CORE_READ(qdisc, ops);

	bpf_probe_read_kernel_str(into, sizeof(*into), ops ? &ops->id : NULL);
}

static __always_inline void add_stats(const struct gnet_stats_queue *stats)
{
	backlog.sum.qlen += stats->qlen;
	backlog.sum.backlog += stats->backlog;
	backlog.sum.drops += stats->drops;
	backlog.sum.requeues += stats->requeues;
}

__noinline int add_stats_of_cpu(u32 cpu)
{
	struct gnet_stats_queue stats = {};

	bpf_probe_read_kernel(&stats, sizeof(stats), (void *)(backlog.cpu_stats + offset_of_cpu(cpu)));
	add_stats(&stats);
	return 0;
}

/*
 * The length of a qdisc has that of all below it, but for mq's. One without a lock (pfifo_fast) counts per CPU, and
 * holds packets of a tun for longer than a moment only where its queue is stopped: others spare that loop.
 */
__noinline int add_qdisc(u64 address, u32 queue)
{
	struct Qdisc *qdisc = (struct Qdisc *)address;
	struct gnet_stats_queue stats = {};
	u32 before = backlog.sum.qlen;

	if (BPF_CORE_READ(qdisc, flags) & TCQ_F_CPUSTATS) {
		backlog.cpu_stats = (u64)BPF_CORE_READ(qdisc, cpu_qstats);
		if (!backlog.cpu_stats || !(backlog.tun_flags & IFF_BACKPRESSURE))
			return 0;
		for (u32 cpu = 0; cpu < possible_cpus; cpu++)
			add_stats_of_cpu(cpu);
	} else {
		BPF_CORE_READ_INTO(&stats, qdisc, qstats);
		stats.qlen = BPF_CORE_READ(qdisc, q.qlen);
		add_stats(&stats);
	}
	backlog.read++;
	u32 packets = backlog.sum.qlen - before;

	if (packets > backlog.fullest_packets) {
		backlog.fullest = address;
		backlog.fullest_packets = packets;
		backlog.fullest_queue = queue;
	}
	return 0;
}

/* 1: all queues share the root, which holds nothing (noqueue). */
__noinline int add_qdisc_of_queue(u64 device, u32 queue)
{
	struct net_device *dev = (struct net_device *)device;
	struct Qdisc *qdisc = BPF_CORE_READ(transmit_queue(dev, queue), qdisc);

	if (!qdisc || qdisc == BPF_CORE_READ(dev, qdisc))
		return 1;
	if (BPF_CORE_READ(qdisc, enqueue))
		add_qdisc((u64)qdisc, queue);
	return 0;
}

/* mq has no enqueue(): each queue has a qdisc of its own. */
__noinline int read_backlog(u64 device)
{
	struct net_device *dev = (struct net_device *)device;
	struct Qdisc *root = BPF_CORE_READ(dev, qdisc);
	struct tun_struct *tun = tun_of(dev);
	u32 queues = BPF_CORE_READ(tun, numqueues);

	__builtin_memset(&backlog, 0, sizeof(backlog));
	backlog.tun_flags = BPF_CORE_READ(tun, flags);
	if (!queues)
		return 0; /* nothing is queued for a device without carrier */
	if (BPF_CORE_READ(root, enqueue))
		return add_qdisc((u64)root, NO_QUEUE);
	for (u32 queue = 0; queue < 256; queue++)
		if (queue >= queues || add_qdisc_of_queue(device, queue))
			break;
	return 0;
}

/* 1: that was the last one. In one flat loop: calls are as deep here as a program may have them. */
__noinline int look_at_next_child(void)
{
	struct hlist_node *node = (struct hlist_node *)holder.next;
	struct Qdisc *child = (void *)(holder.next - bpf_core_field_offset(struct Qdisc, hash));

	if (!node) {
		if (holder.bucket == holder.end)
			return 1;
		holder.next = read_address(holder.bucket);
		holder.bucket += sizeof(struct hlist_head);
		return 0;
	}
	holder.next = (u64)BPF_CORE_READ(node, next);
	u32 parent = BPF_CORE_READ(child, parent), packets = BPF_CORE_READ(child, q.qlen);

	if ((parent ^ holder.handle) >> 16 || (u64)child == holder.qdisc || packets <= holder.child_packets)
		return 0;
	holder.child = (u64)child;
	holder.child_class = parent;
	holder.child_packets = packets;
	return 0;
}

/* One step down, to the child that holds most; 1: none holds half of all, or tc does not show it apart. */
__noinline int descend(u64 device)
{
	if (!(holder.handle >> 16) || !bpf_core_field_exists(((struct net_device *)0)->qdisc_hash))
		return 1;
	holder.child = holder.next = 0;
	holder.child_packets = backlog.fullest_packets / 2;
	holder.bucket = device + bpf_core_field_offset(struct net_device, qdisc_hash);
	holder.end = holder.bucket + HASH_BUCKETS * sizeof(struct hlist_head);
	for (u32 i = 0; i < MOST_QDISCS; i++)
		if (look_at_next_child())
			break;
	struct Qdisc *child = (struct Qdisc *)holder.child;

	if (!child)
		return 1;
	holder.class = holder.child_class;
	if (BPF_CORE_READ(child, flags) & TCQ_F_INVISIBLE)
		return 1;
	holder.qdisc = holder.child;
	holder.packets = holder.child_packets;
	holder.handle = BPF_CORE_READ(child, handle);
	return 0;
}

static __always_inline void find_holder(u64 device)
{
	struct Qdisc *fullest = (struct Qdisc *)backlog.fullest;

	__builtin_memset(&holder, 0, sizeof(holder));
	holder.qdisc = backlog.fullest;
	holder.packets = backlog.fullest_packets;
	holder.handle = BPF_CORE_READ(fullest, handle);
	for (u32 depth = 0; depth < DEEPEST; depth++)
		if (descend(device))
			break;
}

static __always_inline void write_backlog(struct walked_device *out)
{
	read_backlog(out->device);
	out->backlog_read = backlog.read;
	out->backlog_packets = backlog.sum.qlen;
	out->backlog_bytes = backlog.sum.backlog;
	out->qdisc_dropped = backlog.sum.drops;
	out->qdisc_requeues = backlog.sum.requeues;
	if (!backlog.fullest)
		return;
	find_holder(out->device);
	out->holder_packets = holder.packets;
	out->holder_handle = holder.handle;
	out->holder_class = holder.class;
	out->holder_queue = backlog.fullest_queue + 1;
	read_kind(&out->holder, (struct Qdisc *)holder.qdisc);
}

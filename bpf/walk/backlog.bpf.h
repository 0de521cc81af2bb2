/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Packets that stand in the qdiscs in front of a device, and the part of the tree that holds most of them. */
#pragma once
#include "device.bpf.h"
#include "walk/per-cpu.bpf.h"
#include "walk/walk-state.bpf.h"

/* net/sch_generic.h has them as macros, which no type tells; the same in 5.10 and 7.3. */
#define TCQ_F_BUILTIN	0x1 /* noop, of a device that is down */
#define TCQ_F_CPUSTATS	0x20
#define TCQ_F_INVISIBLE 0x80 /* made with its parent: tc shows it on request only */

#define NO_QUEUE     ~0U
#define HASH_BUCKETS 16
#define MOST_QDISCS  2048 /* of which the fullest is looked for, buckets included */
#define DEEPEST	     4

/* Why not on the stack: struct walk_result. Addresses are numbers, as of all qdiscs below. */
struct qdiscs {
	u64 root;
	u64 of_queue[256]; /* 0: it holds nothing (noqueue) */
} qdiscs;

struct backlog {
	u32 packets, bytes, dropped, requeues;
	u32 read; /* qdiscs */
	u32 tun_flags;
	u64 cpu_stats; /* per-CPU address */
	u64 fullest;
	u32 fullest_packets, fullest_queue;
} backlog;

/* The search for the holder. */
struct holder {
	u64 qdisc, deepest, child, next, bucket, end;
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

static __always_inline void add_stats(u32 packets, const struct gnet_stats_queue *stats)
{
	backlog.packets += packets;
	backlog.bytes += stats->backlog;
	backlog.dropped += stats->drops;
	backlog.requeues += stats->requeues;
}

__noinline int add_stats_of_cpu(u32 cpu)
{
	struct gnet_stats_queue stats = {};

	bpf_probe_read_kernel(&stats, sizeof(stats), (void *)(backlog.cpu_stats + offset_of_cpu(cpu)));
	add_stats(stats.qlen, &stats);
	return 0;
}

/*
 * The length of a qdisc has that of all below it, but for mq's. One without a lock (pfifo_fast) counts per CPU, and
 * holds packets of a tun for longer than a moment only where its queue is stopped: others are spared that loop.
 */
__noinline int add_qdisc(u64 address, u32 queue)
{
	struct Qdisc *qdisc = (struct Qdisc *)address;
	struct gnet_stats_queue stats;
	u32 before = backlog.packets, flags = BPF_CORE_READ(qdisc, flags);

	if (flags & TCQ_F_BUILTIN)
		return 0;
	if (flags & TCQ_F_CPUSTATS) {
		if (!(backlog.tun_flags & IFF_BACKPRESSURE))
			return 0;
		backlog.cpu_stats = (u64)BPF_CORE_READ(qdisc, cpu_qstats);
		for (u32 cpu = 0; cpu < possible_cpus; cpu++)
			add_stats_of_cpu(cpu);
	} else {
		BPF_CORE_READ_INTO(&stats, qdisc, qstats);
		add_stats(BPF_CORE_READ(qdisc, q.qlen), &stats);
	}
	backlog.read++;
	u32 packets = backlog.packets - before;

	if (packets > backlog.fullest_packets) {
		backlog.fullest = address;
		backlog.fullest_packets = packets;
		backlog.fullest_queue = queue;
	}
	return 0;
}

static __always_inline void note_qdisc(u32 queue, struct Qdisc *qdisc, bool holds)
{
	qdiscs.of_queue[queue & 255] = holds ? (u64)qdisc : 0;
}

__noinline int find_qdisc(u64 device, u32 queue)
{
	struct Qdisc *qdisc = BPF_CORE_READ(transmit_queue((struct net_device *)device, queue), qdisc);

	note_qdisc(queue, qdisc, BPF_CORE_READ(qdisc, enqueue));
	return 0;
}

/* 1: that was the last queue. */
__noinline int add_qdisc_of_queue(u32 queue, u32 queues)
{
	u64 qdisc = qdiscs.of_queue[queue & 255];

	if (queue >= queues)
		return 1;
	return qdisc ? add_qdisc(qdisc, queue) : 0;
}

/* Of a device whose qdiscs are noted. Below mq each queue has one of its own, else all share the root. */
__noinline int read_backlog(u32 queues, u32 tun_flags)
{
	backlog.packets = backlog.bytes = backlog.dropped = backlog.requeues = backlog.read = 0;
	backlog.fullest = backlog.fullest_packets = 0;
	backlog.tun_flags = tun_flags;
	if (queues && qdiscs.of_queue[0] == qdiscs.root)
		return add_qdisc(qdiscs.root, NO_QUEUE);
	for (u32 queue = 0; queue < 256; queue++)
		if (add_qdisc_of_queue(queue, queues))
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

__noinline int look_at_children(void)
{
	for (u32 i = 0; i < 32; i++)
		if (look_at_next_child())
			return 1;
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
	for (u32 i = 0; i < MOST_QDISCS; i += 32)
		if (look_at_children())
			break;
	struct Qdisc *child = (struct Qdisc *)holder.child;

	if (!child)
		return 1;
	holder.deepest = holder.child;
	holder.class = holder.child_class;
	if (BPF_CORE_READ(child, flags) & TCQ_F_INVISIBLE)
		return 1;
	holder.qdisc = holder.child;
	holder.packets = holder.child_packets;
	holder.handle = BPF_CORE_READ(child, handle);
	return 0;
}

/* By the deepest that holds them, though tc may not show it: of a class it is the qdisc that came with it. */
static __always_inline u64 sent_by(u64 address)
{
	struct Qdisc *qdisc = (struct Qdisc *)address;
	struct Qdisc___numbers *older = (struct Qdisc___numbers *)address;

	if (BPF_CORE_READ(qdisc, flags) & TCQ_F_CPUSTATS)
		return NOT_COUNTED;
	if (bpf_core_field_exists(qdisc->bstats.packets))
		return read_address(address + bpf_core_field_offset(struct Qdisc, bstats.packets));
	return BPF_CORE_READ(older, bstats.packets);
}

static __always_inline void find_holder(u64 device)
{
	struct Qdisc *fullest = (struct Qdisc *)backlog.fullest;

	__builtin_memset(&holder, 0, sizeof(holder));
	holder.qdisc = holder.deepest = backlog.fullest;
	holder.packets = backlog.fullest_packets;
	holder.handle = BPF_CORE_READ(fullest, handle);
	for (u32 depth = 0; depth < DEEPEST; depth++)
		if (descend(device))
			break;
}

static __always_inline void write_backlog(struct walked_device *out, u32 queues)
{
	read_backlog(queues, out->tun_flags);
	out->backlog_read = backlog.read;
	out->backlog_packets = backlog.packets;
	out->backlog_bytes = backlog.bytes;
	out->qdisc_dropped = backlog.dropped;
	out->qdisc_requeues = backlog.requeues;
	if (!backlog.fullest)
		return;
	find_holder(out->device);
	out->holder_packets = holder.packets;
	out->holder_handle = holder.handle;
	out->holder_class = holder.class;
	out->holder_queue = backlog.fullest_queue + 1;
	out->holder_sent = sent_by(holder.deepest);
	read_kind(&out->holder, (struct Qdisc *)holder.qdisc);
}

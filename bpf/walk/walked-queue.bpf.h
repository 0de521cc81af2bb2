/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The walk's output for the queues of a device. */
#pragma once
#include "device.bpf.h"
#include "older-kernel.bpf.h"
#include "ring/ring.bpf.h"
#include "walk/backend.bpf.h"
#include "walk/backlog.bpf.h"
#include "walk/walk-state.bpf.h"
#include "walk/watch.bpf.h"

/* Global, as all below that take no pointers: the verifier then looks at it once, not once for each way that leads
 * here. */
__noinline int write_queue(u64 file_address, u32 queue, u32 flags)
{
	struct tun_file *file = (struct tun_file *)file_address;
	u32 index = walk.queues;
	struct walked_queue *out = bpf_map_lookup_elem(&walked_queues, &index);
	struct ring_state ring = {};
	struct backend backend = {};
	struct net_device *dev = at.dev; /* locals: CO-RE would try to relocate a read through our own struct */
	struct tun_struct *tun = at.tun;

	if (!out) {
		walk.left_out++;
		return 1;
	}
	walk.queues++;
	if (!(flags & QUEUE_DETACHED)) {
		struct netdev_queue *txq = transmit_queue(dev, queue);
		struct Qdisc *qdisc = BPF_CORE_READ(txq, qdisc);
		bool holds = BPF_CORE_READ(qdisc, enqueue);

		if (BPF_CORE_READ(txq, state) & NETDEV_TX_XOFF)
			flags |= QUEUE_STOPPED;
		if (holds)
			flags |= QUEUE_HAS_QDISC;
		note_qdisc(queue, qdisc, holds);
	}
	if (file) {
		read_ring(file, &ring);
		read_backend(file_address, file_address + bpf_core_field_offset(struct tun_file, tx_ring), &backend);
	}
	flags |= (backend.connected ? QUEUE_BACKEND : 0) | (backend.zerocopy ? QUEUE_ZEROCOPY : 0);
	out->reader = 0;
	if (file && !(flags & QUEUE_DETACHED))
		out->reader = watch_reader(file_address, (u64)dev, backend.thread, queue);
	/* Linux 5.10: the place of each field follows from its source, which a vendor may have changed. */
	if (file && !(flags & QUEUE_DETACHED) && bpf_core_type_exists(struct tun_pcpu_stats) &&
	    BPF_CORE_READ(file, tun) != tun)
		flags |= QUEUE_TORN;
	flags |= (ring.busy ? QUEUE_BUSY : 0) | (ring.torn ? QUEUE_TORN : 0);
	out->tun_file = file_address;
	out->file = (u64)BPF_CORE_READ(file, socket.file);
	out->device = at.device;
	out->queue = queue;
	out->flags = flags;
	out->used = ring.used;
	out->size = ring.size;
	out->consumer_head = ring.consumer_head;
	out->consumer_tail = ring.consumer_tail;
	out->held = backend.packets;
	out->outstanding = backend.outstanding;
	out->worker = backend.worker;
	out->worker_cpu = backend.cpu;
	out->worker_ns = backend.worker_ns;
	__builtin_memcpy(out->worker_comm, backend.comm, sizeof(backend.comm));
	return 0;
}

/* 1: there is no such queue, or no room for it. */
__noinline int write_attached(u32 queue, u32 queues)
{
	return queue >= queues || write_queue((u64)tun_file_at(at.tun, queue), queue, 0);
}

/* Global, as all loops that may end early: from each way out the verifier would go through the rest of the caller. */
__noinline int write_queues(u32 queues)
{
	for (u32 queue = 0; queue < 256; queue++)
		if (write_attached(queue, queues))
			break;
	return 0;
}

/* The next one. 1: there is none. */
__noinline int write_disabled(void)
{
	u64 entry = at.next_disabled;
	struct tun_file *file = (void *)(entry - bpf_core_field_offset(struct tun_file, next));
	struct list_head *element = (struct list_head *)entry;

	if (!entry || entry == (u64)&at.tun->disabled || BPF_CORE_READ(file, detached) != at.tun)
		return 1;
	at.next_disabled = (u64)BPF_CORE_READ(element, next);
	return write_queue((u64)file, BPF_CORE_READ(file, queue_index), QUEUE_DETACHED);
}

__noinline int write_all_disabled(void)
{
	for (u32 i = 0; i < 256; i++)
		if (write_disabled())
			break;
	return 0;
}

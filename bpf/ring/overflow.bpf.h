/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Overflow: bursts of drops, which end with the next packet that the ring takes, and episodes, which end when it is
 * empty. What an episode would have needed is what the ring holds and what was dropped until then.
 */
#pragma once
#include "atomics.bpf.h"
#include "device.bpf.h"
#include "rows/histogram.bpf.h"
#include "ring/ring.bpf.h"
#include "typed.bpf.h"

/* Packets are counted when they are taken, under the ring's lock: who takes the last one ends an episode. */
u32 consumer_seen;

static __always_inline u32 watch_of_overflow(void)
{
	return WATCH_BURST | (consumer_seen ? WATCH_DRAIN : WATCH_EPISODE);
}

/* The first drop of a burst. */
static __noinline int begin_overflow(u32 number, u64 device, u32 index)
{
	struct tun_file *file = tun_file_at(tun_of((struct net_device *)device), index);
	struct queue *queue = queue_at(number);
	struct ring_state ring = {};

	if (!number)
		return 0;
	if (!(queue->watch & (WATCH_DRAIN | WATCH_EPISODE))) {
		queue->episode_since = bpf_ktime_get_ns();
		if (file)
			read_ring(file, &ring);
		if (ring.used > queue->highwater[0])
			queue->highwater[0] = ring.used;
	}
	SET_BITS(&queue->watch, watch_of_overflow());
	return 0;
}

/* The ring was full at the exit of the transmit function. Returns how often it had been full before, but for what other
 * CPUs count at this moment. */
static __always_inline u64 count_overflow(u32 number, u64 device, u32 index)
{
	struct queue *queue = queue_at(number);

	u64 before = queue->full_ring_drops;

	__sync_fetch_and_add(&queue->full_ring_drops, 1);

	if (!(queue->watch & WATCH_BURST))
		begin_overflow(number, device, index);
	return before;
}

/* The same answer as ring_is_full(), negated, by loads: every packet that comes after a drop asks. */
static __always_inline bool has_room(u64 device, u32 queue)
{
	u64 tun = (u64)tun_of((struct net_device *)device);

	if (!typed_reads) {
		struct tun_file *file = tun_file_at((struct tun_struct *)tun, queue);

		return file && !ring_is_full(file);
	}
	/* The address of the pointer named `next`, not what it points to. */
	u64 entry = tun + bpf_core_field_offset(struct tun_struct, tfiles) + (u64)(queue & 255) * sizeof(void *);
	struct list_head *file = TYPED(list_head, entry)->next;

	if (!file)
		return false;
	struct ptr_ring *ring = TYPED(ptr_ring, (void *)file + bpf_core_field_offset(struct tun_file, tx_ring));
	u64 slot = (u64)ring->queue + (u64)(u32)ring->producer * sizeof(void *);

	return ring->size > 0 && !TYPED(list_head, slot)->next;
}

static __always_inline void end_burst(u32 number, struct queue *queue)
{
	CLEAR_BITS(&queue->watch, WATCH_BURST);
	u64 drops = queue->full_ring_drops, before = EXCHANGE(&queue->burst_base, drops);

	if (drops > before)
		observe(number, HISTOGRAM_BURST, drops - before);
}

/* The ring is empty. */
static __noinline int end_episode(u32 number, struct ptr_ring *ring)
{
	struct queue *queue = queue_at(number);

	if (!number)
		return 0;
	CLEAR_BITS(&queue->watch, (WATCH_EPISODE | WATCH_DRAIN | WATCH_NEAR));
	u64 drops = queue->full_ring_drops, before = EXCHANGE(&queue->episode_base, drops);
	u64 needed = drops - before + BPF_CORE_READ(ring, size);

	if (drops <= before)
		return 0;
	__sync_fetch_and_add(&queue->episodes, 1);
	observe_episode(number, drops - before);
	if (needed > queue->needed[0])
		queue->needed[0] = needed;
	return 0;
}

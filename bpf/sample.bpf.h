/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * One packet of 64 is looked at closely: how full the ring was when it came, and how long it stays there. A packet is
 * known again by the slot that it lies in: by its address one would take another for it that was purged and whose
 * memory came back.
 */
#pragma once
#include "histogram.bpf.h"
#include "ring.bpf.h"

#define MARKS	    4096
#define MARKED_BITS 256 /* of struct queue */

struct mark {
	u64 place; /* number of the queue's shared row in the high half, slot in the low one; 0: none */
	u64 time;
	u64 ring; /* its array of slots: a resize makes another */
};

struct mark marks[MARKS];

static __always_inline struct mark *mark_at(u64 place)
{
	return KEPT(&marks[(place * 0x9E3779B97F4A7C15ULL) >> 52]);
}

static __always_inline u64 mark_place(u32 number, u32 slot)
{
	return (u64)number << 32 | slot;
}

static __always_inline u64 slot_bit(u32 slot)
{
	return 1ULL << (slot & 63);
}

static __always_inline u64 *slot_word(struct queue *queue, u32 slot)
{
	return &queue->marked[slot >> 6 & 3];
}

/* Before the packet is put into the ring. */
static __noinline int sample_arrival(u32 row_number)
{
	struct row *row = row_at(row_number);
	struct tun_file *file = tun_file_at(tun_of((struct net_device *)row->device), row->place);
	u32 number = row->queue;
	struct queue *queue = queue_at(number);
	struct ring_state ring = {};

	if (!number || !file)
		return 0;
	read_ring(file, &ring);
	if (ring.torn || ring.busy || ring.size <= 0)
		return 0;
	observe(number, HISTOGRAM_OCCUPANCY, ring.used);
	if (ring.used > queue->highwater[0])
		queue->highwater[0] = ring.used;
	void **slots = BPF_CORE_READ(file, tx_ring.queue);

	if (has_entry(slots, ring.producer))
		return 0; /* full: it will be dropped */
	u64 place = mark_place(number, ring.producer);
	struct mark *mark = mark_at(place);

	mark->place = 0;
	mark->time = bpf_ktime_get_ns();
	mark->ring = (u64)slots;
	__sync_lock_test_and_set(&mark->place, place);
	__sync_fetch_and_or(slot_word(queue, ring.producer), slot_bit(ring.producer));
	return 0;
}

/* It was dropped: the slot is the next packet's. */
static __noinline int forget_arrival(u32 row_number)
{
	struct row *row = row_at(row_number);
	struct tun_file *file = tun_file_at(tun_of((struct net_device *)row->device), row->place);

	if (!row->queue || !file)
		return 0;
	u64 place = mark_place(row->queue, BPF_CORE_READ(file, tx_ring.producer));
	struct mark *mark = mark_at(place);

	if (mark->place == place)
		mark->place = 0;
	return 0;
}

/* The slot was emptied, and no other packet lies in it by now. */
static __always_inline bool is_unused(struct ptr_ring *ring, void **slots, s32 slot)
{
	return (slot >= BPF_CORE_READ(ring, consumer_tail) && slot < BPF_CORE_READ(ring, consumer_head)) ||
	       !has_entry(slots, slot);
}

/* Under the ring's lock, after the packet in that slot was taken out. */
static __noinline int sample_departure(u32 number, struct ptr_ring *ring, u32 slot)
{
	struct queue *queue = queue_at(number);
	u64 place = mark_place(number, slot);
	struct mark *mark = mark_at(place);
	void **slots = BPF_CORE_READ(ring, queue);
	u64 time = mark->time;

	if (!number)
		return 0;
	if (mark->place == place) {
		if (mark->ring == (u64)slots && is_unused(ring, slots, slot))
			observe(number, HISTOGRAM_SOJOURN, bpf_ktime_get_ns() - time);
		mark->place = 0;
	}
	/* Another slot with this bit may be marked: it loses its sample. */
	__sync_fetch_and_and(slot_word(queue, slot), ~slot_bit(slot));
	return 0;
}

/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * One packet of 128 is looked at closely: how full the ring was when it came, and, of every second, how long it stays
 * there and where its reader wakes. A packet is known again by the slot that it lies in: by its address one would take
 * another for it that was purged and whose memory came back.
 */
#pragma once
#include "atomics.bpf.h"
#include "rows/histogram.bpf.h"
#include "ring/overflow.bpf.h"
#include "ring/ring.bpf.h"
#include "readers/wakeup.bpf.h"

#define MARKS	     4096 /* of all queues */
#define MARKS_QUEUED 16	  /* of one */

struct mark {
	u32 queue; /* number of its shared row */
	u32 slot;
	u64 time;
	u64 ring;  /* its array of slots: a resize makes another */
	u32 taken; /* of the queue then */
};

struct mark marks[MARKS];

/* Packets that a call took are looked at when that call ends. */
u32 departures_seen;

static __always_inline struct mark *mark_at(u32 number, u32 index)
{
	u32 place = number * MARKS_QUEUED + index % MARKS_QUEUED;

	asm volatile("%0 &= %1" : "+r"(place) : "i"(MARKS - 1)); /* keeps the bound where the verifier sees it */
	return KEPT(&marks[place]);
}

/* The ring's contents have changed otherwise than by reads: discarded, moved or put back. */
static __noinline int forget_marks(u32 number)
{
	struct queue *queue = queue_at(number);

	if (!number)
		return 0;
	queue->marks_head = queue->marks_tail;
	return 0;
}

static __always_inline u32 distance(u32 from, u32 to, u32 size)
{
	return to >= from ? to - from : to + size - from;
}

/* The slot of the first mark, else NO_SLOT. */
static __always_inline u32 marked_slot(u32 number, struct queue *queue)
{
	u32 head = queue->marks_head;

	return head == queue->marks_tail ? NO_SLOT : mark_at(number, head)->slot;
}

/* Marks are taken back in the order in which they were made, so each must lie behind the one before. */
static __always_inline void try_mark(u32 number, struct queue *queue, struct ring_state *ring, u64 slots)
{
	u32 head = queue->marks_head, tail = queue->marks_tail, slot = ring->producer;
	struct mark *last = mark_at(number, tail - 1), *mark = mark_at(number, tail);

	if (tail - head >= MARKS_QUEUED || slot + 1 == ring->size)
		return; /* the last slot has no neighbour: who takes packets would have to reckon with the wrap */
	if (tail != head && (last->queue != number || last->ring != slots ||
			     distance(ring->consumer_head, last->slot, ring->size) >= ring->used)) {
		forget_marks(number); /* its packet has gone without having been seen */
		return;
	}
	mark->queue = number;
	mark->slot = slot;
	mark->time = bpf_ktime_get_ns();
	mark->ring = slots;
	mark->taken = queue->taken;
	EXCHANGE(&queue->marks_tail, tail + 1); /* last: who takes packets looks at it first */
	if (queue->marks_head == tail && consumer_seen)
		SET_BITS(&queue->watch, WATCH_MARK);
}

static __always_inline void put_mark(u32 number, struct queue *queue, struct ring_state *ring, u64 slots)
{
	if (EXCHANGE(&queue->marking, 1))
		return;
	try_mark(number, queue, ring, slots);
	queue->marking = 0;
}

/* Runs before the packet is put into the ring. */
static __noinline int sample_arrival(u32 row_number)
{
	struct row *row = row_at(row_number);
	struct tun_file *file = tun_file_at(tun_of((struct net_device *)row->device), row->place);
	u32 number = row->queue;
	struct queue *queue = queue_at(number);
	struct ring_state ring = {};

	if (!number || !file)
		return 0;
	read_indices(file, &ring);
	if (ring.torn || ring.size <= 0)
		return 0;
	observe(number, HISTOGRAM_OCCUPANCY, ring.used);
	if (ring.used > queue->highwater[0])
		queue->highwater[0] = ring.used;
	if (row->offered & MARK_MASK)
		return 0;
	if (!ring.used)
		begin_wakeup(queue, file);
	if (!consumer_seen && !departures_seen)
		return 0;
	void **slots = BPF_CORE_READ(file, tx_ring.queue);

	if (!has_entry(slots, ring.producer)) /* else it is full, and the packet will be dropped */
		put_mark(number, queue, &ring, (u64)slots);
	return 0;
}

/* The slot was emptied, and no other packet lies in it by now. */
static __always_inline bool is_unused(struct ptr_ring *ring, void **slots, s32 slot)
{
	return (slot >= BPF_CORE_READ(ring, consumer_tail) && slot < BPF_CORE_READ(ring, consumer_head)) ||
	       !has_entry(slots, slot);
}

/* The first mark's packet was taken; or another from its slot, more than a lap later, because no program saw the first
 * one go. */
static __noinline int take_mark(u32 number, struct ptr_ring *ring)
{
	struct queue *queue = queue_at(number);
	u32 head = queue->marks_head;
	struct mark *mark = mark_at(number, head);
	void **slots = BPF_CORE_READ(ring, queue);
	u32 taken = queue->taken - mark->taken;

	if (!number || head == queue->marks_tail)
		return 0;
	/* Where no lock is held, another reader may be here too. */
	if (COMPARE_EXCHANGE(&queue->marks_head, head, head + 1) != head)
		return 0;
	if (taken <= (u32)BPF_CORE_READ(ring, size) && mark->queue == number && mark->ring == (u64)slots &&
	    is_unused(ring, slots, mark->slot))
		observe(number, HISTOGRAM_SOJOURN, bpf_ktime_get_ns() - mark->time);
	return 0;
}

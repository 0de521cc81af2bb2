/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Occupancy of a queue's ptr_ring, read without its locks. */
#pragma once
#include "tun-types.bpf.h"

struct ring_state {
	s32 producer, consumer_head, consumer_tail, size;
	u32 used;
	bool busy; /* both locks are held: perhaps a resize is moving the entries to another array */
	bool torn; /* the indices did not fit together */
};

static __always_inline struct tun_file *tun_file_at(struct tun_struct *tun, u32 queue)
{
	struct tun_file *file = NULL;

	bpf_probe_read_kernel(&file, sizeof(file),
			      (void *)tun + bpf_core_field_offset(struct tun_struct, tfiles) +
				      (u64)(queue & 255) * sizeof(file));
	return file;
}

static __always_inline bool has_entry(void **entries, s32 index)
{
	void *entry = NULL;

	bpf_probe_read_kernel(&entry, sizeof(entry), (void *)entries + (u64)(u32)index * sizeof(entry));
	return entry != NULL;
}

/* The producer's own test: the slot that it would fill next is taken. A ring of size 0 is always full. */
static __always_inline bool ring_is_full(struct tun_file *file)
{
	s32 size = BPF_CORE_READ(file, tx_ring.size);

	return size <= 0 || has_entry(BPF_CORE_READ(file, tx_ring.queue), BPF_CORE_READ(file, tx_ring.producer));
}

static __always_inline bool both_locks_held(struct tun_file *file)
{
	/* Absent on PREEMPT_RT and lock debugging builds: there a resize cannot be told from rest. */
	if (!bpf_core_field_exists(file->tx_ring.producer_lock.rlock.raw_lock.val.counter))
		return false;
	return BPF_CORE_READ(file, tx_ring.producer_lock.rlock.raw_lock.val.counter) &&
	       BPF_CORE_READ(file, tx_ring.consumer_lock.rlock.raw_lock.val.counter);
}

static __always_inline void read_indices(struct tun_file *file, struct ring_state *ring)
{
	ring->consumer_head = BPF_CORE_READ(file, tx_ring.consumer_head);
	ring->producer = BPF_CORE_READ(file, tx_ring.producer);
	ring->size = BPF_CORE_READ(file, tx_ring.size);
	s32 used = ring->producer - ring->consumer_head;

	if (used < 0)
		used += ring->size;
	/* Equal indices: empty or full. */
	if (!used && ring->size > 0 && has_entry(BPF_CORE_READ(file, tx_ring.queue), ring->consumer_head))
		used = ring->size;
	ring->torn = used < 0 || used > ring->size;
	ring->used = ring->torn ? 0 : used;
}

static __always_inline void read_ring(struct tun_file *file, struct ring_state *ring)
{
	void **queue = BPF_CORE_READ(file, tx_ring.queue);
	bool busy = both_locks_held(file);

	ring->consumer_tail = BPF_CORE_READ(file, tx_ring.consumer_tail);
	read_indices(file, ring);
	/* Another array: it was resized between two of the reads. */
	if (queue != BPF_CORE_READ(file, tx_ring.queue)) {
		ring->torn = true;
		ring->used = 0;
	}
	ring->busy = busy | both_locks_held(file);
}

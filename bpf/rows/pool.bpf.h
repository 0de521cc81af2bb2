/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* How a queue on a CPU gets its row: a recycled one, else one that was never used. */
#pragma once
#include "atomics.bpf.h"
#include "rows/queue.bpf.h"

/* Each host has one key of no device. Where it is there, another CPU takes a row. */
static __always_inline bool lock_rows(struct row_key *key)
{
	u32 number = 0;

	for (u32 attempt = 0; attempt < 64; attempt++)
		if (!bpf_map_update_elem(&row_index, key, &number, BPF_NOEXIST))
			return true;
	return false;
}

/* Not static: the verifier follows the loop once, and not for each way that leads here. */
__noinline u32 take_recycled_row(void)
{
	for (int attempt = 0; attempt < 8; attempt++) {
		u64 head = free_head;
		u32 cell = head & rows_mask;
		u32 *number = bpf_map_lookup_elem(&free_rows, &cell);

		if (head >= free_tail || !number)
			break;
		u32 taken = *number; /* before the head moves: after that the cell may be filled anew */
		if (COMPARE_EXCHANGE(&free_head, head, head + 1) == head)
			return taken;
	}
	return 0;
}

static __always_inline u32 take_free_row(void)
{
	u32 recycled = take_recycled_row();

	if (recycled)
		return recycled;
	if (rows_fresh > rows_mask)
		return 0;
	u32 fresh; /* row 0 means none */
	if (HAS_ATOMICS)
		fresh = __sync_fetch_and_add(&rows_fresh, 1) + 1;
	else
		fresh = ++rows_fresh;
	return fresh <= rows_mask ? fresh : 0;
}

/* 0: none is left, or, before Linux 5.12, another CPU took one for too long. */
static __always_inline u32 take_row(void)
{
	struct row_key key = {};

	if (HAS_ATOMICS)
		return take_free_row();
	if (!lock_rows(&key))
		return 0;
	u32 number = take_free_row();

	bpf_map_delete_elem(&row_index, &key);
	return number;
}

static __always_inline u32 take_row_for(struct row_key *key, u64 device_id)
{
	u32 number = take_row();
	struct row *row = row_at(number);

	if (!number)
		return 0;
	row->device_id = device_id;
	row->place = key->place;
	if (key->place >> 32 == NO_CPU)
		queue_at(number)->taken_head = NO_SLOT;
	EXCHANGE(&row->device, key->device); /* last, and after the rest: readers test it */
	return number;
}

/* The row that all CPUs share, 0 if the pool is empty. */
static __noinline u32 queue_number(u64 device, u64 device_id, u32 queue)
{
	struct row_key key = {.device = device, .place = (u64)NO_CPU << 32 | queue};
	u32 *indexed = bpf_map_lookup_elem(&row_index, &key);
	u32 known = indexed ? *indexed : 0;

	if (known && row_at(known)->device == device && row_at(known)->device_id == device_id)
		return known;
	u32 number = take_row_for(&key, device_id);

	if (!number)
		return 0;
	/* Several CPUs may come at once: the first one's counts for all, and the others' go with the device. */
	if (indexed) { /* of a device that had this address before */
		u32 found = COMPARE_EXCHANGE(indexed, known, number);

		return found == known ? number : found;
	}
	if (!bpf_map_update_elem(&row_index, &key, &number, BPF_NOEXIST))
		return number;
	indexed = bpf_map_lookup_elem(&row_index, &key);
	return indexed ? *indexed : 0;
}

static __always_inline u32 new_row(struct row_key *key, u64 device_id)
{
	u32 queue = queue_number(key->device, device_id, key->place);
	u32 number = take_row_for(key, device_id);

	if (!number)
		return 0;
	row_at(number)->queue = queue;
	row_at(number)->sample_mask = queue_at(queue)->watch & WATCH_FLOW ? 0 : SAMPLE_MASK;
	/* Two programs of this CPU may race (one interrupts the other): the loser's row stays, is summed like any, and
	 * goes with its device. */
	bpf_map_update_elem(&row_index, key, &number, BPF_ANY);
	return number;
}

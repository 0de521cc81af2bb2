/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A packet's queue -> its row of counters. The hot path: a program tries its newest row, which is mostly the right one,
 * and only then looks up. */
#pragma once
#include "device.bpf.h"
#include "rows/pool.bpf.h"
#include "rows/queue.bpf.h"

#define STATE_SHIFT 6
_Static_assert(sizeof(struct cpu_state) == 1 << STATE_SHIFT, "from its address follows the CPU's number");

/* The agent writes numbers in place of these: a mask of the table's cells, and at which byte behind the beginning of
 * rows the table begins. */
#define CELLS_MASK_PLACE   0x63656c6c
#define TABLE_OFFSET_PLACE 0x7461626c

static __always_inline u64 place_of(u32 cpu, u32 queue)
{
	return (u64)cpu << 32 | queue;
}

/* The same on this CPU, whose state it is: a helper's call would have the caller save registers. */
static __always_inline u64 place_here(struct cpu_state *state, u32 queue)
{
	u64 from_first = (u64)state, first, place;

	/* Copied here, and not where packets of the newest row come by. */
	asm volatile("%1 = %2 ll" : "+r"(from_first), "=r"(first) : "i"(cpus));
	place = (from_first - first) << (32 - STATE_SHIFT) | queue;
	asm volatile("" : "+r"(place)); /* what it is made of is not kept beside it */
	return place;
}

/* This is enough where the end of every device is seen. */
static __always_inline bool row_is_of(const struct row *row, u64 device, u64 place)
{
	return row->device == device && row->place == place;
}

static __always_inline bool row_is(const struct row *row, u64 device, u64 place)
{
	return row_is_of(row, device, place) && (ends_seen || row->device_id == device_id(device));
}

/* This CPU kept the row's number, so the row is this CPU's: recycle() takes such numbers back. That needs no check. */
static __always_inline bool kept_row_is_of(const struct row *row, u64 device, u32 queue)
{
	return row->device == device && (u32)row->place == queue;
}

static __always_inline bool kept_row_is(const struct row *row, u64 device, u32 queue)
{
	return kept_row_is_of(row, device, queue) && (ends_seen || row->device_id == device_id(device));
}

/* The device's address as a number: a typed pointer cannot be shifted, but subtracted from another. */
#define HASH_BASE(dev) ((u64)(dev) - (u64)rows)

u64 rows_address; /* from the first walk on */

/* Not in the program itself: the compiler puts variables that programs name before others, and rows must be the last.
 */
static __always_inline void learn_rows_address(void)
{
	rows_address = address_of(rows);
}

/* The same of an address without a type, so that a row has one cell for all programs. */
static __always_inline u64 hash_base_of(u64 device)
{
	return device - rows_address;
}

/* Fibonacci hashing: slab addresses form arithmetic progressions, which it spreads evenly. */
static __always_inline u32 cell_number(u64 hash_base, u64 place)
{
	return (place >> (32 - TABLE_SHIFT)) + ((u32)((hash_base >> 5) + place) * 0x9E3779B9U >> (32 - TABLE_SHIFT));
}

static __always_inline u32 *cell_behind(void *first_row, u64 number)
{
	asm("%0 += %1" : "+r"(first_row) : "i"(TABLE_OFFSET_PLACE));
	asm("%0 &= %1" : "+r"(number) : "i"(CELLS_MASK_PLACE));
	return (u32 *)first_row + number;
}

static __always_inline u32 *cell_at(u64 number)
{
	return cell_behind(rows, number);
}

/*
 * The row that the table has first, which the caller compares. `newest` becomes its number before that: no program on
 * this CPU uses it meanwhile. The device lies `private` bytes before the address.
 */
static __always_inline struct row *first_in_table(u64 address, u64 place, u32 *newest, u64 private)
{
	union entry *first;

	/* Not where packets of the newest row come by, where the compiler would have it. */
	asm volatile("%0 = %1 ll" : "=r"(first) : "i"(rows));
	address -= (u64)first;
	if (private)
		asm("%0 -= %1" : "+r"(address) : "i"(private));
	u64 number = masked(*cell_behind(first, cell_number(address, place)));

	*newest = number;
	return KEPT(&first[number].row);
}

static __always_inline void keep_in_cell(u32 cell, u32 number)
{
	u32 *first = cell_at(cell);

	if (!number)
		return;
	if (*first)
		*cell_at(cell ^ 1) = *first; /* who has moved in first may be long gone */
	*first = number;
}

/* First packet on this CPU, a shared cell, or a device that took a dead one's address. */
static __noinline u32 look_up_slow(u64 device, u64 hash_base, u64 place)
{
	u32 cell = cell_number(hash_base, place), *second = cell_at(cell ^ 1);
	struct row_key key = {.device = device, .place = place};
	u32 number = 0;

	u32 beside = *(volatile u32 *)second; /* once: another program may write it between two samples */

	if (beside && row_is(row_at(beside), device, place))
		return beside;
	volatile u32 *indexed = bpf_map_lookup_elem(&row_index, &key);
	u32 known = indexed ? *indexed : 0;

	if (known && row_is(row_at(known), device, place))
		number = known;
	if (!number) {
		u64 id = device_id(device);

		number = id ? new_row(&key, id) : 0;
		if (!number)
			__sync_fetch_and_add(id ? &lost_no_row : &lost_ending_device, 1);
	}
	keep_in_cell(cell, number);
	return number;
}

/*
 * Number of this CPU's row of a queue, 0 if the pool is empty or the device is being deleted. `hash_base` is the
 * device's address as a number; which number does not matter as long as all programs use the same.
 */
static __always_inline u32 look_up(u64 device, u64 hash_base, u64 place)
{
	u32 number = *cell_at(cell_number(hash_base, place));

	return row_is(row_at(number), device, place) ? number : look_up_slow(device, hash_base, place);
}

/* tun_of() of kernels that have __tun_wake_queue: a tun_struct needs no read that says whose it is. The agent writes
 * the offset of net_device.priv in place of the number. */
#define PRIVATE_PLACE 0x70726976

static __always_inline u64 tun_behind(u64 device)
{
	asm("%0 += %1" : "+r"(device) : "i"(PRIVATE_PLACE));
	return device;
}

/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Drop reasons: the frequent ones have a slot in each row, the others are counted beside it. */
#pragma once
#include "kernel.bpf.h"

#define REASONS 16

enum reason_slot {
	REASON_FULL_RING,   /* first, for it lies beside what each packet counts in */
	REASON_UNTRACED,    /* the kernel named no reason and the ring was not full */
	REASON_RARE,	    /* counted in rare_drops */
	REASON_FIRST_NAMED, /* from here on the agent gives slots to the kernel's names */
};

struct rare_drop_key {
	u32 row;
	u32 reason;
};

/* Kernel drop reason -> reason_slot; the agent fills it from the running kernel's BTF. */
const volatile u8 reason_slots[256];

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 4096);
	__type(key, struct rare_drop_key);
	__type(value, u64);
} rare_drops SEC(".maps");

u64 lost_reason; /* rare_drops was full: the drop counts, its reason does not show */

static __noinline int count_rare(u32 row, u32 reason)
{
	struct rare_drop_key key = {.row = row, .reason = reason};
	u64 *packets = bpf_map_lookup_elem(&rare_drops, &key), none = 0;

	if (!packets) {
		bpf_map_update_elem(&rare_drops, &key, &none, BPF_NOEXIST);
		packets = bpf_map_lookup_elem(&rare_drops, &key);
	}
	if (packets)
		__sync_fetch_and_add(packets, 1);
	else
		__sync_fetch_and_add(&lost_reason, 1);
	return 0;
}

static __always_inline u32 slot_of(u64 reason)
{
	u64 index = reason;

	/* Reasons of subsystems lie above bit 16. The barrier keeps one register for the bound and the use. */
	asm volatile("" : "+r"(index));
	return index < sizeof(reason_slots) ? reason_slots[index] & (REASONS - 1) : REASON_RARE;
}

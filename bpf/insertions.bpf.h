/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Whether anything may be in a hash map that the agent reads each sample. To read it, the kernel passes each of its
 * thousands of buckets, where it is empty too (kernel/bpf/hashtab.c, __htab_map_lookup_and_delete_batch); these numbers
 * lie in memory that the agent sees.
 */
#pragma once
#include "kernel.bpf.h"

/* Entries that were put in, or tried to. While both numbers are the same none is on its way. */
struct insertions {
	u32 begun;
	u32 done;
};

#define INSERT(map, key, value)                                                                                        \
	do {                                                                                                           \
		__sync_fetch_and_add(&map##_insertions.begun, 1);                                                      \
		bpf_map_update_elem(&(map), key, value, BPF_NOEXIST);                                                  \
		__sync_fetch_and_add(&map##_insertions.done, 1);                                                       \
	} while (0)

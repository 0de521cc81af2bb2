/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Per-CPU memory of the kernel, of any CPU. */
#pragma once
#include "kernel.bpf.h"

/* Its own address on a CPU minus its per-CPU address is that CPU's offset: __per_cpu_offset has no symbol everywhere.
 */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, u64);
} per_cpu_anchor SEC(".maps");

static __always_inline u64 anchor_of_cpus(void)
{
	u64 map = address_of(&per_cpu_anchor), anchor = 0;

	bpf_probe_read_kernel(&anchor, sizeof(anchor), (void *)(map + bpf_core_field_offset(struct bpf_array, pptrs)));
	return anchor;
}

#define ADD_PER_CPU(sum, base, type, field)                                                                            \
	do {                                                                                                           \
		u64 part = 0;                                                                                          \
		bpf_probe_read_kernel(&part, sizeof(part),                                                             \
				      (void *)((base) + bpf_core_field_offset(struct type, field)));                   \
		(sum) += part;                                                                                         \
	} while (0)

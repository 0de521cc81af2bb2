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

/* What a CPU counted of a device; its per-CPU memory lies `distance` bytes behind the per-CPU addresses. */
#define ADD_DEVICE_COUNTERS(out, distance, tstats, core_stats)                                                         \
	do {                                                                                                           \
		u64 offset = (distance), base = (tstats) + offset;                                                     \
		if (tstats) {                                                                                          \
			ADD_PER_CPU((out)->tx_packets, base, pcpu_sw_netstats, tx_packets);                            \
			ADD_PER_CPU((out)->tx_bytes, base, pcpu_sw_netstats, tx_bytes);                                \
			ADD_PER_CPU((out)->rx_packets, base, pcpu_sw_netstats, rx_packets);                            \
			ADD_PER_CPU((out)->rx_bytes, base, pcpu_sw_netstats, rx_bytes);                                \
		}                                                                                                      \
		if (core_stats) { /* allocated at the first drop */                                                    \
			base = (core_stats) + offset;                                                                  \
			ADD_PER_CPU((out)->tx_dropped, base, net_device_core_stats, tx_dropped);                       \
			ADD_PER_CPU((out)->rx_dropped, base, net_device_core_stats, rx_dropped);                       \
		}                                                                                                      \
	} while (0)

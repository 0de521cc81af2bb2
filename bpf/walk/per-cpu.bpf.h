/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Per-CPU memory of the kernel, of any CPU. */
#pragma once
#include "older-kernel.bpf.h"

/* Its own address on a CPU minus its per-CPU address is that CPU's offset: __per_cpu_offset has no symbol everywhere.
 */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, u64);
} per_cpu_anchor SEC(".maps");

/* Its per-CPU address, once it was looked up. */
u64 anchor;

/* Before Linux 5.19 no program can look at another CPU's value. */
const volatile u64 per_cpu_offset_address;

static __always_inline void look_up_anchor(void)
{
	u64 map = address_of(&per_cpu_anchor);

	bpf_probe_read_kernel(&anchor, sizeof(anchor), (void *)(map + bpf_core_field_offset(struct bpf_array, pptrs)));
}

static __always_inline u64 offset_of_cpu(u32 cpu)
{
	u64 offset = 0;
	u32 zero = 0;

	if (bpf_core_enum_value_exists(enum bpf_func_id, BPF_FUNC_map_lookup_percpu_elem)) {
		void *here = bpf_map_lookup_percpu_elem(&per_cpu_anchor, &zero, cpu);

		if (!anchor)
			look_up_anchor();
		return here ? address_of(here) - anchor : 0;
	}
	bpf_probe_read_kernel(&offset, sizeof(offset), (void *)(per_cpu_offset_address + (u64)cpu * sizeof(offset)));
	return offset;
}

#define ADD_PER_CPU(sum, base, type, field) ADD_AT(sum, (base) + bpf_core_field_offset(struct type, field))

#define ADD_AT(sum, address)                                                                                           \
	do {                                                                                                           \
		u64 part = 0;                                                                                          \
		bpf_probe_read_kernel(&part, sizeof(part), (void *)(address));                                         \
		(sum) += part;                                                                                         \
	} while (0)

/* These were plain numbers before Linux 6.0. */
#define ADD_STATS(sum, base, type, field)                                                                              \
	ADD_AT(sum, (base) + (bpf_core_field_exists(((struct type *)0)->field)                                         \
				      ? bpf_core_field_offset(struct type, field)                                      \
				      : bpf_core_field_offset(struct type##___numbers, field)))

/* Where the kernel counts what a device drops: per CPU since Linux 5.18, two numbers of the device before; before 5.11
 * tun itself counts per CPU all that its device has. `places` keeps the per-CPU addresses. */
#define FIND_DROPS(out, places, dev, tun)                                                                              \
	do {                                                                                                           \
		struct net_device___drops *older = (struct net_device___drops *)(dev);                                 \
		struct tun_struct___stats *oldest = (struct tun_struct___stats *)(tun);                                \
		(places).core_stats = (places).tun_stats = 0;                                                          \
		if (bpf_core_field_exists((tun)->rx_frame_errors))                                                     \
			(out)->rx_frame_errors = BPF_CORE_READ(tun, rx_frame_errors.counter);                          \
		if (bpf_core_field_exists((dev)->core_stats)) {                                                        \
			(places).core_stats = (u64)BPF_CORE_READ(dev, core_stats);                                     \
			break;                                                                                         \
		}                                                                                                      \
		(out)->tx_dropped = BPF_CORE_READ(older, tx_dropped.counter);                                          \
		(out)->rx_dropped = BPF_CORE_READ(older, rx_dropped.counter);                                          \
		if (bpf_core_field_exists(oldest->pcpu_stats))                                                         \
			(places).tun_stats = (u64)BPF_CORE_READ(oldest, pcpu_stats);                                   \
	} while (0)

/* Adds a CPU's counters of a device. */
#define ADD_COUNTERS_OF_CPU(out, cpu, places)                                                                          \
	do {                                                                                                           \
		u64 offset = offset_of_cpu(cpu), base = (places).tstats + offset;                                      \
		if ((places).tstats) {                                                                                 \
			ADD_STATS((out)->tx_packets, base, pcpu_sw_netstats, tx_packets);                              \
			ADD_STATS((out)->tx_bytes, base, pcpu_sw_netstats, tx_bytes);                                  \
			ADD_STATS((out)->rx_packets, base, pcpu_sw_netstats, rx_packets);                              \
			ADD_STATS((out)->rx_bytes, base, pcpu_sw_netstats, rx_bytes);                                  \
		}                                                                                                      \
		base = (places).core_stats + offset; /* allocated at the first drop */                                 \
		if (bpf_core_type_exists(struct net_device_core_stats) && (places).core_stats) {                       \
			ADD_PER_CPU((out)->tx_dropped, base, net_device_core_stats, tx_dropped);                       \
			ADD_PER_CPU((out)->rx_dropped, base, net_device_core_stats, rx_dropped);                       \
		}                                                                                                      \
		struct tun_pcpu_stats *counted = (struct tun_pcpu_stats *)((places).tun_stats + offset);               \
		if (bpf_core_type_exists(struct tun_pcpu_stats) && (places).tun_stats) {                               \
			(out)->tx_packets += BPF_CORE_READ(counted, tx_packets);                                       \
			(out)->tx_bytes += BPF_CORE_READ(counted, tx_bytes);                                           \
			(out)->rx_packets += BPF_CORE_READ(counted, rx_packets);                                       \
			(out)->rx_bytes += BPF_CORE_READ(counted, rx_bytes);                                           \
			(out)->tx_dropped += BPF_CORE_READ(counted, tx_dropped);                                       \
			(out)->rx_dropped += BPF_CORE_READ(counted, rx_dropped);                                       \
			(out)->rx_frame_errors += BPF_CORE_READ(counted, rx_frame_errors);                             \
		}                                                                                                      \
	} while (0)

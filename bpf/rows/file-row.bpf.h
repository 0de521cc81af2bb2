/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Leads from the file of a queue to the queue's row. */
#pragma once
#include "rows/row.bpf.h"

/* The row of a tun_file's queue on this CPU; 0: it belongs to no tun device. */
static __always_inline u32 row_of_file(u64 address)
{
	struct tun_file *file = (struct tun_file *)address;
	struct tun_struct *tun = BPF_CORE_READ(file, tun);
	struct net_device *dev;

	if (!tun)
		tun = BPF_CORE_READ(file, detached);
	dev = BPF_CORE_READ(tun, dev);
	/* The file may be a macvtap's, which is no tun_file. */
	if (!dev || !is_tun((u64)dev))
		return 0;
	return look_up((u64)dev, hash_base_of((u64)dev), place_of(cpu_id(), BPF_CORE_READ(file, queue_index)));
}

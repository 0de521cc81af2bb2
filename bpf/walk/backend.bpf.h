/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What takes a queue's packets within the kernel, as the walk asks its subject. */
#pragma once
#include "tun-types.bpf.h"

struct backend {
	bool connected;
	bool zerocopy;
	u32 packets;	 /* taken out of the ring and not delivered yet */
	u32 outstanding; /* packets of the guest that are out without having been copied */
	u64 thread;	 /* task_struct of the worker; 0: unknown */
	u32 worker;	 /* its thread id */
	u32 cpu;	 /* on which the worker runs or ran last */
	u64 worker_ns;
	char comm[16];
};

/* Of a tun_file or a tap_queue, whose ring lies there. After the ring was read: a batch that leaves it meanwhile is
 * seen twice, not lost from sight. */
static __always_inline void read_backend(u64 file, u64 own_ring, struct backend *backend);

/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Processes that have the CPU for which a reader waits, by the agent's samples: no task switch is traced. */
#pragma once
#include "readers/reader.bpf.h"

/* Its own place, a free one, or that of the process that was seen least: what is rare makes room for what is not. */
static __always_inline struct rival *rival_of(struct queue_reader *reader, u32 pid, u64 started)
{
	struct rival *least = &reader->rivals[0];

#pragma unroll
	for (u32 i = 0; i < MOST_RIVALS; i++) {
		struct rival *one = &reader->rivals[i];

		if (one->looks && one->pid == pid && one->started == started)
			return one;
		if (one->looks < least->looks)
			least = one;
	}
	least->pid = pid;
	least->started = started;
	least->looks = 0;
	return least;
}

/*
 * The sample itself has a CPU: if it is the reader's, it is not known who had it. Only for the agent's samples, of
 * which one runs at a time.
 */
static __always_inline void sample_rival(struct queue_reader *reader, u64 observer)
{
	struct rq *queue = run_queue_of((struct task_struct *)reader->thread);
	struct task_struct *running = queue ? BPF_CORE_READ(queue, curr) : NULL;

	reader->waiting_looks++;
	if (!running || (u64)running == observer || !BPF_CORE_READ(running, pid))
		return; /* 0: the CPU is idle, and about to run the reader */
	struct rival *rival =
		rival_of(reader, BPF_CORE_READ(running, tgid), BPF_CORE_READ(running, group_leader, start_boottime));

	rival->looks++;
	BPF_CORE_READ_INTO(&rival->comm, running, comm);
}

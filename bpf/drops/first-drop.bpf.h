/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* At level rest nothing but drops is seen. The first one wakes the agent, which attaches what tells more of the others.
 */
#pragma once
#include "kernel.bpf.h"

/* A record says no more than that. The size is a page of any kernel. */
struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 65536);
} first_drops SEC(".maps");

u32 drop_told; /* since the agent armed it, which it does again at each sample */

/* Two CPUs may tell of it at once, which does no harm. */
static __noinline int tell_first_drop(void)
{
	u32 nothing = 0;

	if (drop_told)
		return 0;
	drop_told = 1;
	return bpf_ringbuf_output(&first_drops, &nothing, sizeof(nothing), BPF_RB_FORCE_WAKEUP);
}

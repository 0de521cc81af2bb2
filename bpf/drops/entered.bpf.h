/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A packet that is freed in the transmit function: the row in which its entry was counted. */
#pragma once
#include "transmit/transmit.bpf.h"

/*
 * Its entry into the transmit function was counted: its drop is counted here, or by the exit where one always is.
 * `seen` is exit_seen.
 */
static __always_inline bool is_of_entry(struct cpu_state *state, u8 seen, u64 skb, u32 reason)
{
	if (seen != SEEN_BY_CPU)
		return false;
	if (state->entered == skb) {
		state->entered = 0;
		drop_entered(state->sent_row, reason);
		return true;
	}
	if (state->skb != skb)
		return false;
	state->reason = reason;
	return true;
}

/* SEEN_BY_QUEUE: whichever packet entered last on this CPU, this one is of its own device and queue. */
static __always_inline int drop_of_queue(u64 *ctx)
{
	struct sk_buff *skb = (struct sk_buff *)ctx[0];
	u64 device = (u64)BPF_CORE_READ(skb, dev);
	u32 cpu = cpu_id();
	struct cpu_state *state = state_of(cpu);

	/* Its exit has nothing left to do; that of another may. */
	if (state->entered == (u64)skb)
		state->entered = 0;
	return drop_entered(look_up(device, hash_base_of(device), place_of(cpu, BPF_CORE_READ(skb, queue_mapping))),
			    ctx[2]);
}

/* The same for a program that must not save registers. */
static __noinline int drop_by_queue(u64 *ctx)
{
	return drop_of_queue(ctx);
}

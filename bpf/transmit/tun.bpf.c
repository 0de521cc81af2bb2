// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Offered packets at the entry of tun_net_xmit, dropped ones at its exit where the tracepoint does not say so, and the
// end of a device.
#include <bpf/bpf_tracing.h>
#include "transmit/transmit.bpf.h"

/* The table may have another row than this packet's in its first cell. */
static __noinline int offered_elsewhere(u64 *ctx)
{
	struct sk_buff *skb = (void *)ctx[0];
	u32 cpu = cpu_id();
	u32 number = look_up(ctx[1], HASH_BASE(ctx[1]), place_of(cpu, skb->queue_mapping));
	struct cpu_state *state = state_of(cpu);

	/* Row 0 belongs to no queue: what is counted there is never shown. */
	state->sent_row = number;
	enter_transmit(ctx, state, row_at(number), skb);
	return 0;
}

/* Packets that others hold too (pktgen's are): their drop is not the last free, and fires no tracepoint. */
u64 shared_seen;

/* One that is held by others: while no exit is hooked it is not counted, and the device's own counters have it. */
static __noinline int offered_shared(u64 *ctx)
{
	__sync_fetch_and_add(&shared_seen, 1);
	state_of(cpu_id())->entered = 0;
	return exit_hooked ? offered_elsewhere(ctx) : 0;
}

/*
 * netdev_tx_t tun_net_xmit(skb, dev): bottom halves are off. Most packets count in the row of the one before, or in one
 * that the table has first. Code that needs registers which a function must save is in functions of its own, and the
 * packet's address is loaded twice. So these packets do not pay for saving registers.
 */
SEC("?fentry/tun_net_xmit")
int offered_fentry(volatile u64 *ctx)
{
	struct cpu_state *state = state_of(cpu_id_beside(&ctx));
	struct row *row = row_at(state->sent_row);
	struct sk_buff *skb = (void *)ctx[0];
	u32 queue = skb->queue_mapping;

	if (skb->users.refs.counter != 1)
		return offered_shared((u64 *)ctx);
	if (!kept_row_is_of(row, ctx[1], queue)) {
		u64 place = place_here(state, queue);

		row = first_in_table(ctx[1], place, &state->sent_row, 0);
		if (!row_is_of(row, ctx[1], place))
			return offered_elsewhere((u64 *)ctx);
	}
	enter_transmit((u64 *)ctx, state, row, (struct sk_buff *)ctx[0]);
	return 0;
}

/* The arguments, then what it returned. On demand. */
SEC("?fexit/tun_net_xmit")
int sent_fexit(volatile u64 *ctx)
{
	struct cpu_state *state = state_of(cpu_id());
	/* Loaded before the packet is compared: what preempts this program in between is another packet. */
	u32 number = *(volatile u32 *)&state->sent_row;
	struct row *row = row_at(number);

	/* A packet whose drop was traced has left nothing to do. */
	if ((int)ctx[2] && *(volatile u64 *)&state->entered == ctx[0]) {
		state->entered = 0;
		row->dropped_at = row->offered;
		end_rarely_dropped(number, 0, ctx[1]);
	}
	if (queue_at(row->queue)->watch & WATCH_FLOW && row->device == ctx[1])
		end_flow(row, ctx[1]);
	return 0;
}

static long end_row(u32 number, u64 *device)
{
	struct row *row = row_at(number);

	if (row->device == *device)
		row->place |= ROW_ENDED;
	return 0;
}

/* tun_free_netdev(dev), the device's destructor: no packet can reach it any more, and its memory is not yet free. */
SEC("?fentry/tun_free_netdev")
int BPF_PROG(ended_fentry, struct net_device *dev)
{
	u64 device = (u64)dev;
	u32 last = rows_fresh < rows_mask ? rows_fresh : rows_mask;

	bpf_loop(last + 1, end_row, &device, 0);
	return 0;
}

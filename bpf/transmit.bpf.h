/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What happens between the entry and the exit of tun_net_xmit, whichever pair of probes sees them. */
#pragma once
#include "row.bpf.h"
#include "reader.bpf.h"

static __always_inline void begin_transmit(struct cpu_state *state, struct row *row, u64 skb, u32 bytes)
{
	state->skb = skb;
	row->offered++;
	row->offered_bytes += bytes;
}

/* The row is another than that of the packet before. */
static __always_inline void begin_transmit_in(struct cpu_state *state, u32 number, u64 skb, u32 bytes)
{
	state->sent_row = number;
	/* Row 0 belongs to nobody: what is counted there is never shown. */
	begin_transmit(state, row_at(number), skb, bytes);
}

/* A shared skb (pktgen, clones) is not freed by its drop: no tracepoint fires, no reason is known. */
static __noinline enum reason_slot untraced_slot(struct net_device *dev, u32 queue)
{
	struct tun_file *file = tun_file_at(tun_of(dev), queue);

	return file && ring_is_full(file) ? REASON_FULL_RING : REASON_UNTRACED;
}

/* The reason has no slot of its own, or there is none. */
static __noinline int end_rarely_dropped(u32 cpu, u32 reason, u64 device)
{
	struct cpu_state *state = state_of(cpu);
	struct row *row = row_at(state->sent_row);

	if (!state->sent_row)
		return 0;
	u32 slot = reason ? REASON_RARE : untraced_slot((struct net_device *)device, row->place);

	row->dropped[slot & (REASONS - 1)]++;
	if (slot == REASON_RARE)
		count_rare(state->sent_row, reason);
	return 0;
}

static __always_inline int end_transmit(struct cpu_state *state, u32 cpu, bool dropped, u64 device)
{
	state->skb = 0;
	if (!dropped) {
		row_at(state->sent_row)->enqueued++;
		return 0;
	}
	u32 reason = state->reason, slot = slot_of(reason);

	state->reason = 0;
	if (slot == REASON_RARE || !state->sent_row)
		return end_rarely_dropped(cpu, reason, device);
	struct row *row = row_at(state->sent_row);

	if (++row->dropped[slot & (REASONS - 1)] % 16 == 0 && slot == REASON_FULL_RING)
		sample_reader(device, (u32)row->place);
	return 0;
}

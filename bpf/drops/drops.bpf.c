// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Freed packets, by skb:kfree_skb: the few of tun's own functions go on to be counted, all others are let go.
#include "drops/tun-text.bpf.h"
#include "drops/freed-packet.bpf.h"
#include "drops/freed-outside.bpf.h"
#include "transmit/transmit.bpf.h"

/* Before the load the agent replaces each of these numbers in the instructions (src/engine/probe-symbols.ts). */
#define OWN_TEXT_PLACE	  0x6f776e74 /* where own_text begins, or an address below it: modules may come later */
#define ENDS_UNSEEN_PLACE 0x656e6473 /* 0; above all addresses where the end of devices is not seen */
#define BY_QUEUE_PLACE	  0x71756575 /* SEEN_BY_QUEUE on PREEMPT_RT; elsewhere a number that entries_seen never is */

/* The drop is of another queue than the one before on this CPU, or of a device whose end may not be seen. */
static __noinline int freed_elsewhere(u64 *ctx, bool typed)
{
	struct sk_buff *skb = packet_of(ctx, typed);
	struct cpu_state *state = state_of(cpu_id());
	u32 slot = slot_of(ctx[2]);

	state->freed_row = 0; /* what was kept may be no row of this CPU */
	if (!(typed || skb) || slot == REASON_RARE)
		return count_freed(ctx);
	u64 device = (u64)skb->dev, place = place_here(state, skb->queue_mapping);
	u32 cell = cell_number(HASH_BASE(skb->dev), place), number = *cell_at(cell);

	if (!row_is(row_at(number), device, place))
		number = *cell_at(cell ^ 1);
	if (!row_is(row_at(number), device, place))
		return count_freed(ctx);
	state->freed_row = ends_seen ? number : 0;
	count_bypassed(row_at(number), slot);
	return 0;
}

/* Between the functions in own_text lie others. */
static __noinline int freed_near(u64 *ctx, bool typed)
{
	struct sk_buff *skb = packet_of(ctx, typed);

	if (!(typed || skb) || !is_known_foreign(ops_of(skb->dev)))
		return count_freed(ctx);
	/* A macvtap looks like any macvlan. */
	if (ctx[1] - macvtap_start < macvtap_length)
		return count_freed(ctx);
	return before_counted ? count_outside(ctx) : 0;
}

static __always_inline int freed(volatile u64 *ctx, bool typed)
{
	u64 location = ctx[1];

	/* One comparison for what is freed in the kernel proper, below its modules. */
	GOTO_IF_BELOW(location, OWN_TEXT_PLACE, outside);
	if (location != transmit_location) {
		u64 start = own_text.start;

		if (location >= start && ctx[1] - start < own_text.length)
			return freed_near((u64 *)ctx, typed);
		goto outside;
	}
	struct cpu_state *state = state_of(cpu_id_beside(&ctx));
	u8 seen = entries_seen;

	if (count_drop_of_entry(state, seen, ctx[0], ctx[2]))
		return 0;
	/* Not as an if, which the compiler puts before the packets that were seen to enter. */
	GOTO_IF_EQUAL(seen, SEEN_ARMED, armed);
	GOTO_IF_EQUAL(seen, BY_QUEUE_PLACE, by_queue);
	struct row *row = row_at(state->freed_row);
	struct sk_buff *skb = packet_of(ctx, typed);

	if (!(typed || skb))
		return count_freed_apart((u64 *)ctx);
	if (!kept_row_is_of(row, (u64)skb->dev, skb->queue_mapping)) {
		GOTO_IF_BELOW(ctx[1], ENDS_UNSEEN_PLACE, elsewhere);
		/* The packet's address is loaded each time: registers are few. */
		u64 place = place_here(state, packet_of(ctx, typed)->queue_mapping);

		row = first_in_table((u64)packet_of(ctx, typed)->dev, place, &state->freed_row, 0);
		if (!row_is_of(row, (u64)packet_of(ctx, typed)->dev, place))
			goto elsewhere;
	}
	u32 slot = slot_of(ctx[2]);

	if (slot == REASON_RARE)
		goto elsewhere;
	count_bypassed(row, slot);
	return 0;
elsewhere:
	return freed_elsewhere((u64 *)ctx, typed);
armed:
	return count_freed_apart((u64 *)ctx);
by_queue:
	return drop_by_queue((u64 *)ctx);
outside:
	return freed_outside(ctx, location, typed);
}

/* kfree_skb(skb, location, reason[, rx_sk]) */
SEC("?tp_btf/kfree_skb")
int dropped_typed(volatile u64 *ctx)
{
	return freed(ctx, true);
}

SEC("raw_tp/kfree_skb")
int dropped_raw(volatile u64 *ctx)
{
	return freed(ctx, false);
}

/* kfree_skb(skb, location): reasons came with Linux 5.17. */
SEC("?raw_tp/kfree_skb")
int dropped_located(u64 *ctx)
{
	u64 device = (u64)BPF_CORE_READ((struct sk_buff *)ctx[0], dev), location = ctx[1];

	if (is_list(location) && (((s64)device < 0 && is_tun(device)) || source_of(ctx[0], device, 0)))
		location = caller_of(ctx, location);
	return count_freed_packet(ctx[0], location, 0, 0);
}

// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Offered, enqueued and dropped packets by the pair of core tracepoints around ndo_start_xmit, where tun's functions
// cannot be traced.
#include "transmit/transmit.bpf.h"

/*
 * Every packet of the host comes here, and most are foreign. Code that needs saved registers is in
 * functions of its own, so that a foreign packet does not pay for saving them.
 */
static __noinline int begin_raw(u64 skb, u64 device, u64 ops)
{
	u32 cpu = cpu_id(), queue, bytes;

	if (!is_known_or_judged_tun(device, ops))
		return 0;
	if (typed_reads) {
		queue = TYPED(sk_buff, skb)->queue_mapping;
		bytes = TYPED(sk_buff, skb)->len;
	} else {
		queue = BPF_CORE_READ((struct sk_buff *)skb, queue_mapping);
		bytes = BPF_CORE_READ((struct sk_buff *)skb, len);
	}
	u32 number = state_of(cpu)->sent_row;

	if (!kept_row_is(row_at(number), device, queue))
		number = look_up(device, hash_base_of(device), place_of(cpu, queue));
	begin_transmit_in(state_of(cpu), number, skb, bytes);
	return 0;
}

/* net_dev_start_xmit(skb, dev): bottom halves are off from here to net_dev_xmit. */
SEC("raw_tp/net_dev_start_xmit")
int offered_raw(u64 *ctx)
{
	/* On the stack, and loaded again: that is cheaper than saving a register. */
	volatile u64 *volatile kept = ctx;
	u64 device = ctx[1], ops;

	GOTO_IF_BELOW(device, UNTYPED_PLACE, untyped);
	ops = ops_of(TYPED(net_device, device));
	goto known;
untyped:
	ops = ops_by_address(device);
known:
	if (is_known_foreign(ops))
		return 0;
	return begin_raw(kept[0], kept[1], ops);
}

static __noinline int end_raw(u64 failed, u64 device)
{
	return end_transmit(state_of(cpu_id()), failed, device);
}

/* net_dev_xmit(skb, rc, dev, len): the skb may be free by now, so its address is compared and never followed. */
SEC("raw_tp/net_dev_xmit")
int sent_raw(volatile u64 *ctx)
{
	if (state_of(cpu_id_beside(&ctx))->skb != ctx[0])
		return 0;
	return end_raw((int)ctx[1] != 0, ctx[2]);
}

// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Whether a packet is freed on the CPU on which it was allocated; on demand, because every packet of the host comes
// here.
#include "rows/row.bpf.h"
#include "rows/queue-events.bpf.h"

/* tun_do_read, where a packet is freed that the reader or the guest has got. */
const volatile u64 reader_start;
const volatile u32 reader_length;

/* consume_skb(skb, location) */
SEC("?tp_btf/consume_skb")
int consumed_typed(u64 *ctx)
{
	if (ctx[1] - reader_start >= reader_length)
		return 0;
	struct sk_buff *skb = (void *)ctx[0];
	u64 device = (u64)BPF_CORE_READ(skb, dev);
	u32 cpu = cpu_id();
	u32 number = look_up(device, hash_base_of(device), place_of(cpu, skb->queue_mapping));

	if (number)
		count_event(number, skb->alloc_cpu == cpu ? EVENT_FREED_WHERE_ALLOCATED : EVENT_FREED_ELSEWHERE, 1);
	return 0;
}

/* This program, its trampoline, the function, napi_consume_skb and tun_do_read: all before an interrupt's caller. */
#define FRAMES 6

static __always_inline bool is_read(u64 *ctx)
{
	u64 frames[FRAMES] = {};

	bpf_get_stack(ctx, frames, sizeof(frames), 0);
	for (u32 i = 0; i < FRAMES; i++)
		if (frames[i] - reader_start < reader_length)
			return true;
	return false;
}

/*
 * skb_attempt_defer_free(skb): a packet goes back to the CPU that allocated it. There consume_skb says nothing of the
 * reader, so that the stack must tell whose packet it is.
 */
SEC("?fentry/skb_attempt_defer_free")
int deferred_fentry(u64 *ctx)
{
	struct sk_buff *skb = (void *)ctx[0];
	u64 device = (u64)BPF_CORE_READ(skb, dev);
	u32 number;

	/* skb->dev shares its place with socket data. */
	if ((s64)device >= 0 || !is_tun(device) || !is_read(ctx))
		return 0;
	number = look_up(device, hash_base_of(device), place_of(cpu_id(), skb->queue_mapping));
	if (number)
		count_event(number, EVENT_FREE_DEFERRED, 1);
	return 0;
}

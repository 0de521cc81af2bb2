/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What is counted of a packet that was freed: drops in tun_net_xmit with their reason, losses inside tun that no kernel
 * counter knows, losses before tun, drops of packets that a guest or writer sent. */
#pragma once
#include "drops/location.bpf.h"
#include "macvtap.bpf.h"
#include "drops/first-drop.bpf.h"
#include "transmit/transmit.bpf.h"
#include "drops/in-host.bpf.h"
#include "receive/written.bpf.h"

/* SEEN_BY_QUEUE: whichever packet entered last on this CPU, this one is of its own device and queue. */
static __always_inline int drop_of_queue(struct sk_buff *skb, u32 reason)
{
	u64 device = (u64)BPF_CORE_READ(skb, dev);
	u32 cpu = cpu_id();
	struct cpu_state *state = state_of(cpu);

	/* Its exit has nothing left to do; that of another may. */
	if (state->entered == (u64)skb)
		state->entered = 0;
	return drop_entered(look_up(device, hash_base_of(device), place_of(cpu, BPF_CORE_READ(skb, queue_mapping))),
			    reason);
}

/* The same for a program that must not save registers. */
static __noinline int drop_by_queue(u64 *ctx)
{
	return drop_of_queue((struct sk_buff *)ctx[0], ctx[2]);
}

/* 1: losses before tun are counted, so the program looks at each packet that the host drops. */
const volatile u8 before_counted = 1;

/*
 * A drop in tun_net_xmit of a packet that came past the offered probe (PACKET_QDISC_BYPASS, pktgen start_xmit). Bottom
 * halves are off there, as for all who write these two counters of this CPU's row.
 */
static __always_inline void count_bypassed(struct row *row, u32 slot)
{
	row->bypassed++;
	row->dropped[slot & (REASONS - 1)]++;
}

static __noinline int count_in_tun(struct sk_buff *skb, u64 device, u32 class, u32 reason)
{
	u32 cpu = cpu_id();
	u32 number = look_up(device, hash_base_of(device), place_of(cpu, BPF_CORE_READ(skb, queue_mapping)));
	struct row *row = row_at(number);

	state_of(cpu)->freed_row = ends_seen ? number : 0;
	if (!number)
		return 0;
	if (class == CLASS_TRANSMIT) {
		u32 slot = reason ? slot_of(reason) : untraced_slot((struct net_device *)device, row->place);

		count_bypassed(row, slot);
		if (slot == REASON_RARE)
			count_rare(number, reason);
	} else if (class == CLASS_PURGED) {
		row->purged++;
		forget_marks(row->queue);
	} else if (class == CLASS_RESIZED) {
		row->resized++;
		forget_marks(row->queue);
	} else if (class == CLASS_FAILED)
		row->failed++;
	else if (class == CLASS_OVERFLOWED)
		row->overflowed++;
	return 0;
}

/* Not static, for the verifier. */
__noinline int count_freed_packet(u64 packet, u64 location, u32 reason, u64 socket)
{
	u32 class = class_of(location);
	struct sk_buff *skb = (struct sk_buff *)packet;

	if (class == CLASS_SNIFFER || class == CLASS_RECEIVE)
		return 0;
	if (class == CLASS_TRANSMIT) {
		transmit_location = location;
		u8 seen = entries_seen;

		if (count_drop_of_entry(state_of(cpu_id()), seen, packet, reason))
			return 0;
		if (seen == SEEN_ARMED)
			tell_first_drop();
		/* Inlined: by raw tracepoints no deeper call is left for the sample of the reader, and the kernel
		 * allows 8. */
		if (seen == SEEN_BY_QUEUE)
			return drop_of_queue(skb, reason);
	}
	if (class == CLASS_MACVTAP)
		return count_macvtap(skb, location, reason);
	if (class == CLASS_WRITTEN)
		return count_written(skb, location, reason);
	if (class > CLASS_MACVTAP)
		return before_counted ? count_in_host(packet, location, reason, socket) : 0;
	u64 device = (u64)BPF_CORE_READ(skb, dev);

	if ((s64)device < 0 && is_tun(device))
		return count_in_tun(skb, device, class, reason);
	if ((s64)device >= 0)
		__sync_fetch_and_add(&lost_no_device, 1);
	return 0;
}

/*
 * An argument of kfree_skb as a number, which is all that functions that are not static take: for the verifier what a
 * variable gives back has no type.
 */
static __always_inline u64 as_number(volatile u64 *variable, u64 argument)
{
	*variable = argument;
	return *variable;
}

static __always_inline u64 packet_number(u64 *ctx)
{
	return as_number(&state_of(cpu_id())->freed, ctx[0]);
}

static __always_inline u64 socket_number(u64 *ctx)
{
	return gives_socket ? as_number(&state_of(cpu_id())->freed_for, ctx[3]) : 0;
}

static __always_inline int count_freed(u64 *ctx)
{
	return count_freed_packet(packet_number(ctx), ctx[1], ctx[2], socket_number(ctx));
}

static __always_inline int count_outside(u64 *ctx)
{
	return count_in_host(packet_number(ctx), ctx[1], ctx[2], socket_number(ctx));
}

/* The same for a program that must not save registers. */
static __noinline int count_freed_apart(u64 *ctx)
{
	return count_freed(ctx);
}

static __noinline int count_outside_apart(u64 *ctx)
{
	return count_outside(ctx);
}

// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Freed packets, by skb:kfree_skb. Counted are: drops in tun_net_xmit with their reason; losses inside tun that no
// kernel counter knows; losses before tun; drops of packets that a guest or writer sent.
#include "drops/location.bpf.h"
#include "macvtap.bpf.h"
#include "drops/first-drop.bpf.h"
#include "drops/tun-text.bpf.h"
#include "transmit/transmit.bpf.h"
#include "drops/in-host.bpf.h"
#include "receive/written.bpf.h"

/*
 * The entry of this packet into the transmit function was counted: its drop is counted here, in the same row, or by the
 * exit where one always is. `seen` is entries_seen.
 */
static __always_inline bool count_drop_of_entry(struct cpu_state *state, u8 seen, u64 skb, u32 reason)
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

/* Before the load the agent replaces each of these numbers in the instructions (src/engine/probe-symbols.ts). */
#define OWN_TEXT_PLACE	  0x6f776e74 /* where own_text begins, or an address below it: modules may come later */
#define UNCOUNTED_PLACE	  0x756e636f /* 0; above all addresses where losses before tun are not counted */
#define TUN_OPS_PLACE	  0x74756e6f /* net_device_ops of every tun */
#define TAP_OPS_PLACE	  0x7461706f /* net_device_ops of every tap */
#define UNKNOWN_OPS_PLACE 0x756e6b6f /* 0; above all addresses where one of these two is not known */
#define ENDS_UNSEEN_PLACE 0x656e6473 /* 0; above all addresses where the end of devices is not seen */
#define BY_QUEUE_PLACE	  0x71756575 /* SEEN_BY_QUEUE on PREEMPT_RT; elsewhere a number that entries_seen never is */

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

/* `typed`: the kernel gives the packet with its type, else bpf_rdonly_cast may; NULL where neither does. */
static __always_inline struct sk_buff *packet_of(volatile u64 *ctx, bool typed)
{
	if (typed)
		return (struct sk_buff *)ctx[0];
	return typed_reads ? TYPED(sk_buff, ctx[0]) : NULL;
}

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

/* The same as is_bridge(), of a device whose type the kernel gives. */
static __always_inline bool is_bridge_here(struct net_device *dev)
{
	u32 flags = BPF_CORE_READ_BITFIELD((struct net_device___priv_bits *)dev, priv_flags);

	return flags & bpf_core_enum_value(enum netdev_priv_flags, IFF_EBRIDGE);
}

/*
 * Not routed, and the host's own, or still where another device received it: it came from no tap and is on its way to
 * none that anybody could know. `dev` is no tun or tap.
 */
static __always_inline bool has_nothing_of_a_tap(volatile u64 *ctx, struct sk_buff *skb, struct net_device *dev)
{
	if (skb->_skb_refdst)
		return false;
	u32 ifindex = skb->skb_iif;

	/* Where dev is no kernel address the load gives 0. */
	if (!ifindex || (u32)dev->ifindex != ifindex)
		return !ifindex;
	return !may_be_unrouted(ctx) && !is_bridge_here(dev);
}

#define SPAN_BYTES 160 /* of an skb, from dev to behind skb_iif: 128 of Linux 6.1 */

/*
 * The same where nothing gives the packet's type (raw tracepoints before Linux 6.2): one read of all that decides is
 * cheaper than three.
 */
static __noinline int freed_untyped(u64 *ctx)
{
	u64 span[SPAN_BYTES / sizeof(u64)];
	u32 begin = bpf_core_field_offset(struct sk_buff, dev);
	u32 route = bpf_core_field_offset(struct sk_buff, _skb_refdst) - begin;
	u32 index = bpf_core_field_offset(struct sk_buff, skb_iif) - begin;

	if ((u32)ctx[2] == reason_not_specified && !is_drop(class_of(ctx[1]), ctx[2], true))
		return 0;
	if (route > sizeof(span) - sizeof(u64) || index > sizeof(span) - sizeof(u32) ||
	    bpf_probe_read_kernel(span, index + sizeof(u32), (void *)(ctx[0] + begin)))
		goto unknown;
	if (*(u64 *)((void *)span + route) || *(u32 *)((void *)span + index))
		goto unknown;
	/* The host's own, and not routed. */
	if ((s64)span[0] >= 0 || !is_tun(span[0]))
		return 0;
unknown:
	return count_freed(ctx);
}

/* A function freed it that is none of ours, as nearly all are. */
static __always_inline int freed_outside(volatile u64 *ctx, u64 location, bool typed)
{
	GOTO_IF_BELOW(location, UNCOUNTED_PLACE, uncounted);
	struct sk_buff *skb = (struct sk_buff *)ctx[0];

	if (!typed) {
		GOTO_IF_BELOW(location, UNTYPED_PLACE, untyped);
		skb = TYPED(sk_buff, skb);
	}
	struct net_device *dev = skb->dev;

	GOTO_IF_BELOW(location, UNKNOWN_OPS_PLACE, unknown);
	if (!dev)
		goto other;
	/* Where dev is no kernel address the load gives 0. */
	u64 ops = (u64)dev->netdev_ops;

	GOTO_IF_EQUAL(ops, TAP_OPS_PLACE, ours);
	GOTO_IF_EQUAL(ops, TUN_OPS_PLACE, ours);
other:
	return has_nothing_of_a_tap(ctx, skb, dev) ? 0 : count_outside_apart((u64 *)ctx);
unknown:
	/* No kernel address: it has no device, or socket data lies there. */
	if ((s64)dev >= 0 || is_known_foreign(ops_of(dev)))
		goto other;
ours:
	return count_outside_apart((u64 *)ctx);
untyped:
	return freed_untyped((u64 *)ctx);
uncounted:
	/* An instruction to which nothing else leads: where losses before tun are counted, the branch is left out. */
	asm volatile("r1 = 0" : : : "r1");
	return 0;
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

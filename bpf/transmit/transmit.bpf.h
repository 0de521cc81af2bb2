/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * A packet in the transmit function. Raw tracepoints see its entry and its exit. fentry sees the entry alone, for the
 * exit costs as much as all else: what is dropped says skb:kfree_skb, and the rest was queued. An exit is hooked beside
 * it while packets come whose drop fires no tracepoint, or queues are stopped instead of dropping.
 */
#pragma once
#include "atomics.bpf.h"
#include "older-kernel.bpf.h"
#include "stops/flow.bpf.h"
#include "ring/overflow.bpf.h"
#include "readers/reader-time.bpf.h"
#include "ring/ring.bpf.h"
#include "rows/row.bpf.h"
#include "ring/sample.bpf.h"

#define READER_MASK 127 /* one drop of 128 samples of what the reader does */

/* How packets are seen to enter the transmit function, 0 where no program is attached to it: what was counted at the
 * entry is not counted again as it is freed. */
extern u8 entries_seen;

enum {
	SEEN_BY_CPU = 1,   /* the packet between entry and exit on this CPU is the one that entered last */
	SEEN_BY_QUEUE = 2, /* PREEMPT_RT: another may have entered since, so that a drop's own queue tells its row */
	SEEN_ARMED = 3,	   /* it is not seen, and the first drop is to wake the agent */
};
/* The exit is hooked beside the entry: the walk says so. */
u32 exit_hooked;

/* CPUs between the entry and the exit of the soft interrupt NET_TX; stays 0 where no program looks. */
extern u8 in_net_tx[MAX_CPUS];

/* The first packet after a wake; who sent it, and from where. */
static __noinline int begin_watched(u32 cpu)
{
	struct cpu_state *state = state_of(cpu);
	struct row *row = row_at(state->sent_row);
	struct queue *queue = queue_at(row->queue);
	u64 skb = state->skb ?: state->entered;

	if (!row->queue)
		return 0;
	if (!(queue->watch & WATCH_FLOW)) {
		row->sample_mask = SAMPLE_MASK;
		return 0;
	}
	if (typed_reads)
		queue->sender = TYPED(sk_buff, skb)->alloc_cpu + 1;
	else if (bpf_core_field_exists(((struct sk_buff *)skb)->alloc_cpu))
		queue->sender = BPF_CORE_READ((struct sk_buff *)skb, alloc_cpu) + 1;
	if (in_net_tx[cpu & (MAX_CPUS - 1)])
		row->sent_by_softirq++;
	if (queue->woken_at) {
		u64 woken = EXCHANGE(&queue->woken_at, 0);

		if (woken)
			observe(row->queue, HISTOGRAM_RESUME, bpf_ktime_get_ns() - woken);
	}
	return 0;
}

static __noinline int look_closer(u32 cpu)
{
	u32 number = state_of(cpu)->sent_row;
	struct row *row = row_at(number);

	if (!row->sample_mask)
		begin_watched(cpu);
	if (!(row->offered & SAMPLE_MASK))
		sample_arrival(number);
	return 0;
}

static __always_inline void begin_transmit(struct cpu_state *state, struct row *row, u64 skb, u32 bytes)
{
	u64 offered = row->offered + 1;

	state->skb = skb;
	row->offered = offered;
	row->offered_bytes += bytes;
	if (!(offered & row->sample_mask))
		look_closer(cpu_id());
}

/* The row is another than that of the packet before. */
static __always_inline void begin_transmit_in(struct cpu_state *state, u32 number, u64 skb, u32 bytes)
{
	state->sent_row = number;
	/* Row 0 belongs to no queue: what is counted there is never shown. */
	begin_transmit(state, row_at(number), skb, bytes);
}

/* A shared skb (pktgen, clones) is not freed by its drop: no tracepoint fires, no reason is known. */
static __noinline enum reason_slot untraced_slot(struct net_device *dev, u32 queue)
{
	struct tun_struct *tun = tun_of(dev);
	struct tun_file *file = tun_file_at(tun, queue);

	if (!file)
		return REASON_UNTRACED;
	/* Its reader may have taken a packet since. */
	if (!GIVES_REASONS && !has_filter(tun))
		return REASON_FULL_RING;
	return ring_is_full(file) ? REASON_FULL_RING : REASON_UNTRACED;
}

/* The reason has no slot of its own, or there is none. */
static __noinline int end_rarely_dropped(u32 number, u32 reason, u64 device)
{
	struct row *row = row_at(number);

	if (!number)
		return 0;
	u32 slot = reason ? REASON_RARE : untraced_slot((struct net_device *)device, row->place);

	row->dropped[slot & (REASONS - 1)]++;
	if (slot == REASON_RARE)
		count_rare(number, reason);
	else if (slot == REASON_FULL_RING)
		count_overflow(row->queue, device, row->place);
	return 0;
}

/* Empty before the newest packets, of which so many may lie in it: so ends an episode. */
static __noinline int find_empty(struct row *row, u32 newest)
{
	struct tun_file *file = tun_file_at(tun_of((struct net_device *)row->device), row->place);
	struct ring_state ring = {};

	if (!row->queue || !file)
		return 0;
	read_ring(file, &ring);
	if (!ring.torn && ring.used <= newest)
		end_episode(row->queue, &file->tx_ring);
	return 0;
}

/* Something is to be seen to, and no exit will: of the packet before on this CPU, or of this one. Its caller has
 * nothing left to do, and so no registers to save; the context comes first because it lies in that register. */
static __noinline int enter_watched(u64 *ctx, struct row *row)
{
	u32 number = row->queue;
	struct queue *queue = queue_at(number);
	u64 taken = row->offered - 1 - row->dropped_at; /* by the ring, on this CPU since it was full */

	asm volatile("" : : "r"(ctx)); /* else the compiler leaves it out, and puts the row there */

	if (queue->watch & WATCH_SLEEPER)
		end_wakeup(number, !((row->offered - 1) & MARK_MASK));
	/* The ring took the first packet after the drop; of a drop on another CPU that is known when it has room. */
	if (queue->watch & WATCH_BURST && (taken == 1 || (taken && has_room(row->device, row->place))))
		end_burst(number, queue);
	if (queue->watch & WATCH_EPISODE && taken)
		find_empty(row, taken == 1);
	if (!(row->offered & row->sample_mask))
		look_closer(cpu_id());
	return 0;
}

/* An entry without an exit. */
static __always_inline void enter_transmit(u64 *ctx, struct cpu_state *state, struct row *row, struct sk_buff *skb)
{
	u64 offered = row->offered + 1;

	state->entered = (u64)skb;
	row->offered = offered;
	row->offered_bytes += skb->len;
	/* Loaded twice, which spares all others a copy of it. */
	volatile u32 *watch = (volatile u32 *)&queue_at(row->queue)->watch;

	/* The ring was full a moment ago; the next packet will show whether it still is. */
	if (*watch & WATCH_ENTERED && (offered != row->dropped_at + 1 || *watch & WATCH_SLEEPER))
		enter_watched(ctx, row);
	else if (!(offered & row->sample_mask))
		look_closer(cpu_id());
}

/* There is no exit: counts a packet of this row as it is freed. Bottom halves are off since its entry. */
static __noinline int drop_entered(u32 number, u32 reason)
{
	u32 slot = slot_of(reason);
	struct row *row = row_at(number);
	u64 device = row->device;

	if (!number)
		return 0;
	if (!GIVES_REASONS)
		slot = untraced_slot((struct net_device *)device, row->place);
	row->dropped[slot & (REASONS - 1)]++;
	if (slot == REASON_RARE)
		return count_rare(number, reason), 0;
	if (slot != REASON_FULL_RING)
		return row->offered & SAMPLE_MASK ? 0 : forget_marks(row->queue);
	row->dropped_at = row->offered;
	if (!(count_overflow(row->queue, device, row->place) & READER_MASK))
		sample_reader(device, (u32)row->place);
	return 0;
}

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

/* Runs at the exit: this packet may have stopped its queue. */
static __noinline int end_flow(struct row *row, u64 device)
{
	struct netdev_queue *txq = transmit_queue_typed((struct net_device *)device, (u32)row->place);

	row->sample_mask = 0;
	if (row->queue && is_stopped(txq) && is_running((struct net_device *)device))
		begin_stop(queue_at(row->queue), txq, &queue_at(row->queue)->stops);
	return 0;
}

/* Something is to be seen to: see enum queue_watch. */
static __noinline int end_watched(u32 row_number, u64 device, bool dropped)
{
	struct row *row = row_at(row_number);
	u32 number = row->queue, index = row->place;
	struct queue *queue = queue_at(number);
	u32 watch = queue->watch;

	if (watch & WATCH_SLEEPER)
		end_wakeup(number, !(row->offered & MARK_MASK));
	if (watch & WATCH_BURST && !dropped)
		end_burst(number, queue);
	if (watch & WATCH_EPISODE && !dropped) {
		struct tun_file *file = tun_file_at(tun_of((struct net_device *)device), index);
		struct ring_state ring = {};

		if (file)
			read_ring(file, &ring);
		/* The packet is alone in the ring: it found the ring empty. */
		if (file && !ring.torn && ring.used <= 1)
			end_episode(number, &file->tx_ring);
	}
	if (watch & WATCH_FLOW)
		end_flow(row, device);
	return 0;
}

static __always_inline int end_transmit(struct cpu_state *state, bool dropped, u64 device)
{
	struct row *row = row_at(state->sent_row);

	state->skb = 0;
	if (!dropped) {
		row->enqueued++;
		if (queue_at(row->queue)->watch & WATCH_OFFERED)
			end_watched(state->sent_row, device, false);
		return 0;
	}
	u32 reason = state->reason, slot = slot_of(reason);

	state->reason = 0;
	if (slot == REASON_RARE || !state->sent_row)
		return end_rarely_dropped(state->sent_row, reason, device);
	row->dropped[slot & (REASONS - 1)]++;
	if (slot != REASON_FULL_RING)
		return row->offered & SAMPLE_MASK ? 0 : forget_marks(row->queue);
	if (!(count_overflow(row->queue, device, row->place) & READER_MASK))
		sample_reader(device, (u32)row->place);
	if (queue_at(row->queue)->watch & WATCH_FLOW)
		end_watched(state->sent_row, device, true);
	return 0;
}

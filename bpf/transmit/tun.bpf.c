// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Offered packets at the entry of tun_net_xmit, dropped ones at its exit where the tracepoint does not say so, consumed
// ones where the ring's lock is held, and the end of a device.
#include <bpf/bpf_tracing.h>
#include "transmit/transmit.bpf.h"
#include "vhost/vhost-batches.bpf.h"

/*
 * Most packets count in the row of the one before. What needs registers that a function must save is in functions of
 * its own, arguments are loaded when they are needed, so that these packets do not pay for saving any.
 */
static __noinline int offered_first(u64 *ctx)
{
	struct sk_buff *skb = (void *)ctx[0];
	u32 cpu = cpu_id();
	u32 number = look_up_slow(ctx[1], HASH_BASE(ctx[1]), place_of(cpu, skb->queue_mapping));

	struct cpu_state *state = state_of(cpu);

	/* Row 0 belongs to no queue: what is counted there is never shown. */
	state->sent_row = number;
	enter_transmit(state, row_at(number), (u64)skb, skb->len);
	return 0;
}

static __noinline int offered_elsewhere(u64 *ctx, struct cpu_state *state, u32 queue)
{
	struct sk_buff *skb = (void *)ctx[0];
	u64 place = place_of(cpu_id(), queue);
	u32 number = *cell_of(HASH_BASE(ctx[1]), place);
	struct row *row = row_at(number);

	if (!row_is_of(row, ctx[1], place))
		return offered_first(ctx);
	state->sent_row = number;
	enter_transmit(state, row, (u64)skb, skb->len);
	return 0;
}

/* Packets that others hold too (pktgen's are): their drop is not the last free, and fires no tracepoint. */
u64 shared_seen;

/* One that is held by others: while no exit is hooked it is not counted, and the device's own counters have it. */
static __noinline int offered_shared(u64 *ctx, struct cpu_state *state)
{
	struct sk_buff *skb = (void *)ctx[0];

	__sync_fetch_and_add(&shared_seen, 1);
	state->entered = 0;
	return exit_hooked ? offered_elsewhere(ctx, state, skb->queue_mapping) : 0;
}

/* netdev_tx_t tun_net_xmit(skb, dev): bottom halves are off. */
SEC("?fentry/tun_net_xmit")
int offered_fentry(volatile u64 *ctx)
{
	struct cpu_state *state = state_of(cpu_id());
	struct row *row = row_at(state->sent_row);
	struct sk_buff *skb = (void *)ctx[0];

	u32 queue = skb->queue_mapping;

	if (skb->users.refs.counter != 1)
		return offered_shared((u64 *)ctx, state);
	if (!kept_row_is_of(row, ctx[1], queue))
		return offered_elsewhere((u64 *)ctx, state, queue);
	enter_transmit(state, row, (u64)skb, skb->len);
	return 0;
}

/* The arguments, then what it returned. On demand. */
SEC("?fexit/tun_net_xmit")
int sent_fexit(volatile u64 *ctx)
{
	u32 cpu = cpu_id();
	struct cpu_state *state = state_of(cpu);
	struct row *row = row_at(state->sent_row);

	/* Of one whose drop was traced nothing is left. */
	if ((int)ctx[2] && state->entered == ctx[0]) {
		state->entered = 0;
		row->dropped_at = row->offered;
		end_rarely_dropped(cpu, 0, ctx[1]);
	}
	if (queue_at(row->queue)->watch & WATCH_FLOW && row->device == ctx[1])
		end_flow(row, ctx[1]);
	return 0;
}

#define LOOK_SHIFT   5	/* the ring's level is looked at once in 32 packets that are taken */
#define READER_SHIFT 10 /* who takes them, once in 1024 */
/* A ring that held as many when it was looked at is not empty before the next look. */
#define NEAR (1 << LOOK_SHIFT)

/* What came and went between two looks is more by no more than was taken. */
static __noinline int look_at_level(u64 *ctx, struct queue *queue)
{
	struct tun_file *file = (void *)ctx[1];
	s32 used = file->tx_ring.producer - file->tx_ring.consumer_head;
	u32 before;

	if (used < 0)
		used += file->tx_ring.size;
	before = used + (u32)ctx[2];
	if (before > queue->highwater[0])
		queue->highwater[0] = before;
	if (queue->watch & WATCH_DRAIN && used < NEAR && !(queue->watch & WATCH_NEAR))
		__sync_fetch_and_or(&queue->watch, WATCH_NEAR);
	else if (queue->watch & WATCH_NEAR && used >= NEAR)
		__sync_fetch_and_and(&queue->watch, ~WATCH_NEAR);
	return 0;
}

/* The first marks of the queue may be of packets that were just taken. */
static __noinline int take_marks(u64 *ctx, u32 number)
{
	struct tun_file *file = (void *)ctx[1];
	struct queue *queue = queue_at(number);
	u32 packets = ctx[2], size = file->tx_ring.size;
	s32 first = file->tx_ring.consumer_head - packets;

	if (first < 0)
		first += size;
	for (int i = 0; i < MARKS_QUEUED && marked_slot(queue) < size; i++) {
		if (distance(first, marked_slot(queue), size) >= packets)
			break;
		take_mark(number, &file->tx_ring);
	}
	return 0;
}

static __noinline int consumed_watched(u64 *ctx, u32 number)
{
	struct tun_struct *tun = (void *)ctx[0];
	struct tun_file *file = (void *)ctx[1];
	struct queue *queue = queue_at(number);
	/* Read before the ring: what is found there is not of a stop that a producer begins meanwhile. */
	u64 since = *(volatile u64 *)&queue->stopped_since;
	bool empty = file->tx_ring.producer == file->tx_ring.consumer_head;

	if (!number)
		return 0;
	/* Equal indices: unless the producer has just filled it again. */
	empty = empty && !has_entry(file->tx_ring.queue, file->tx_ring.consumer_head);
	if (queue->watch & WATCH_DRAIN && empty)
		end_episode(number, &file->tx_ring);
	if (!(queue->watch & WATCH_FLOW))
		return 0;
	struct net_device *dev = tun->dev;
	struct netdev_queue *txq = transmit_queue_typed(dev, file->queue_index);

	if (!is_stopped(txq) || !is_running(dev) || tun_file_at(tun, file->queue_index) != file)
		return 0;
	/* The ring's lock is held: a wake that was due before this packet has been, or is lost. */
	if (queue->due_since && queue->due_since == queue->stopped_since) {
		__sync_fetch_and_add(&queue->wakes_lost, 1);
		queue->due_since = 0;
	}
	begin_stop(queue, txq, &queue->stops);
	if (empty || file->cons_cnt + (u32)ctx[2] >= (u32)file->tx_ring.size / 2)
		queue->due_since = since;
	return 0;
}

/* Only several packets, or the one in the marked slot, can be marked ones. `marked`: not 0. */
static __always_inline bool may_be_marked(volatile u64 *ctx, u32 marked)
{
	if ((u32)ctx[2] != 1)
		return true;
	struct tun_file *file = (void *)ctx[1];

	return marked == (u32)file->tx_ring.consumer_head;
}

/* In the end of its caller, which then has no registers to save. `crossed`: the bits that changed of what was taken. */
static __noinline int consumed_closely(u64 *ctx, u32 number, u64 crossed)
{
	struct queue *queue = queue_at(number);

	if (crossed >> LOOK_SHIFT)
		look_at_level(ctx, queue);
	if (crossed >> READER_SHIFT)
		note_reader(ctx[1]);
	if (queue->watch & WATCH_TAKEN)
		consumed_watched(ctx, number);
	if (queue->marked && may_be_marked(ctx, queue->marked))
		take_marks(ctx, number);
	return 0;
}

/* `watch` has WATCH_TAKEN, or `marked` beside it is not 0; bit 31 is of no watch. As a mask it fits an instruction. */
#define LOOK_CLOSELY ((u64)(s64)(s32)(1U << 31 | WATCH_TAKEN))

static __always_inline int count_consumed(volatile u64 *ctx, struct row *row)
{
	u64 before = row->consumed, consumed = before + (u32)ctx[2];
	struct queue *queue = queue_at(row->queue);

	row->consumed = consumed;
	if ((before ^ consumed) >> LOOK_SHIFT)
		return consumed_closely((u64 *)ctx, row->queue, before ^ consumed);
	u64 watch_and_marked = *(volatile u64 *)&queue->watch;

	if (!(watch_and_marked & LOOK_CLOSELY))
		return 0;
	if (watch_and_marked & WATCH_TAKEN || may_be_marked(ctx, watch_and_marked >> 32))
		return consumed_closely((u64 *)ctx, row->queue, before ^ consumed);
	return 0;
}

/* Of another queue than what was taken before on this CPU. */
static __noinline int consumed_elsewhere(u64 *ctx, u32 queue)
{
	struct tun_struct *tun = (void *)ctx[0];
	struct net_device *dev = tun->dev;
	struct cpu_state *state = state_of(cpu_id());
	u64 place = place_of(cpu_id(), queue);
	u32 number = *cell_of(HASH_BASE(dev), place);

	if (!row_is_of(row_at(number), (u64)dev, place)) {
		number = look_up_slow((u64)dev, HASH_BASE(dev), place);
		if (number)
			row_at(number)->consumed += (u32)ctx[2];
		return 0;
	}
	state->taken_row = number;
	return count_consumed(ctx, row_at(number));
}

/* tun_of() of kernels that have __tun_wake_queue: a tun_struct needs no read that says whose it is. */
static __always_inline u64 tun_behind(u64 device)
{
	return device + bpf_core_field_offset(struct net_device___priv, priv);
}

/*
 * __tun_wake_queue(tun, tfile, consumed): called for every consume on both paths (read and vhost), flag or not, with
 * consumer_lock held.
 */
SEC("?fentry/__tun_wake_queue")
int consumed_fentry(volatile u64 *ctx)
{
	struct row *row = row_at(state_of(cpu_id())->taken_row);
	struct tun_file *file = (void *)ctx[1];
	u32 queue = file->queue_index;

	if (tun_behind(row->device) != ctx[0] || (u32)row->place != queue)
		return consumed_elsewhere((u64 *)ctx, queue);
	return count_consumed(ctx, row);
}

/* The types of tun are a module's, and bpf_rdonly_cast knows none of those: a pointer there is read as a `next`, 16
 * bits as a packet's queue. */
#define POINTER_AT(base, offset) (TYPED(list_head, (void *)(base) + (offset))->next)
#define U16_AT(base, offset)                                                                                           \
	(TYPED(sk_buff, (void *)(base) + (offset)-bpf_core_field_offset(struct sk_buff, queue_mapping))->queue_mapping)

/*
 * tun_wake_queue(file, consumed): vhost-net's way to __tun_wake_queue, once for each batch. Kernels that have it have
 * typed reads.
 */
SEC("?fentry/tun_wake_queue")
int BPF_PROG(consumed_vhost_fentry, struct file *file, int consumed)
{
	void *tun_file = file->private_data;
	u32 queue = U16_AT(tun_file, bpf_core_field_offset(struct tun_file, queue_index));
	struct list_head *tun = POINTER_AT(tun_file, bpf_core_field_offset(struct tun_file, tun));
	u32 number = state_of(cpu_id())->taken_row;

	if (tun_behind(row_at(number)->device) != (u64)tun || (u32)row_at(number)->place != queue) {
		struct list_head *dev = POINTER_AT(tun, bpf_core_field_offset(struct tun_struct, dev));

		number = dev ? look_up((u64)dev, HASH_BASE(dev), place_of(cpu_id(), queue)) : 0;
	}
	if (!number)
		return 0;
	__sync_fetch_and_add(&row_at(number)->consumed_by_vhost, (u32)consumed);
	count_batch(number, consumed);
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

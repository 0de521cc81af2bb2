// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Packets that are taken from the ring, where its lock is held: since Linux 7.3.
#include <bpf/bpf_tracing.h>
#include "atomics.bpf.h"
#include "rows/row.bpf.h"
#include "ring/sample.bpf.h"
#include "stops/flow.bpf.h"
#include "readers/reader-time.bpf.h"

#define LOOK_SHIFT   5	/* the ring's level is looked at once in 32 packets that are taken */
#define READER_SHIFT 10 /* who takes them, once in 1024 */
/* A ring that held as many when it was looked at is not empty before the next sample. */
#define NEAR (1 << LOOK_SHIFT)

/* A packet that came and went between two samples adds at most what was taken. */
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
		SET_BITS(&queue->watch, WATCH_NEAR);
	else if (queue->watch & WATCH_NEAR && used >= NEAR)
		CLEAR_BITS(&queue->watch, WATCH_NEAR);
	return 0;
}

/* The first marks of the queue may be of packets that were just taken. */
static __noinline int take_marks(u64 *ctx, u32 number)
{
	struct tun_file *file = (void *)ctx[1];
	struct queue *queue = queue_at(number);
	u32 packets = ctx[2], size = file->tx_ring.size, head = file->tx_ring.consumer_head;
	s32 first = head - packets;
	u32 slot;

	if (!number)
		return 0;
	if (queue->watch & WATCH_MARK) /* before the marks are looked at: another one made meanwhile sets it again */
		CLEAR_BITS(&queue->watch, WATCH_MARK);
	if (first < 0)
		first += size;
	for (int i = 0; i < MARKS_QUEUED; i++) {
		slot = marked_slot(number, queue);
		if (slot >= size || distance(first, slot, size) >= packets)
			break;
		take_mark(number, &file->tx_ring);
	}
	slot = marked_slot(number, queue);
	queue->ahead = slot < size ? distance(head, slot, size) + 1 : 0;
	/* Equal indices: empty or full. */
	u32 producer = file->tx_ring.producer;

	if (producer != head && queue->ahead > distance(head, producer, size) + 1)
		forget_marks(number); /* no program saw its packet go */
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

/* Called last, so that its caller has no registers to save. `crossed`: bits that changed in the count. */
static __noinline int consumed_closely(u64 *ctx, u32 number, u64 crossed)
{
	struct queue *queue = queue_at(number);
	u32 packets = ctx[2];

	if (crossed >> LOOK_SHIFT)
		look_at_level(ctx, queue);
	if (crossed >> READER_SHIFT)
		note_reader(ctx[1]);
	if (queue->watch & (WATCH_FLOW | WATCH_NEAR))
		consumed_watched(ctx, number);
	if (queue->watch & WATCH_MARK || (queue->ahead && queue->ahead <= packets))
		take_marks(ctx, number);
	else if (queue->ahead)
		queue->ahead -= packets;
	return 0;
}

static __always_inline int count_consumed(volatile u64 *ctx, struct row *row)
{
	u64 packets = *(volatile u32 *)&ctx[2], before = row->consumed, consumed = before + packets;
	struct queue *queue = queue_at(row->queue);

	row->consumed = consumed;
	if ((before ^ consumed) >> LOOK_SHIFT)
		return consumed_closely((u64 *)ctx, row->queue, before ^ consumed);
	if (*(volatile u32 *)&queue->watch & WATCH_TAKEN)
		return consumed_closely((u64 *)ctx, row->queue, 0);
	u64 ahead = *(volatile u32 *)&queue->ahead;

	if (!ahead)
		return 0;
	if (ahead <= packets)
		return consumed_closely((u64 *)ctx, row->queue, 0);
	queue->ahead = ahead - packets;
	return 0;
}

/* The table has another row than this queue's in its first cell. */
static __noinline int consumed_beside(u64 *ctx)
{
	struct tun_struct *tun = (void *)ctx[0];
	struct tun_file *file = (void *)ctx[1];
	struct net_device *dev = tun->dev;
	u32 cpu = cpu_id();
	u32 number = look_up_slow((u64)dev, HASH_BASE(dev), place_of(cpu, file->queue_index));

	state_of(cpu)->taken_row = number;
	if (number)
		row_at(number)->consumed += (u32)ctx[2];
	return 0;
}

/*
 * __tun_wake_queue(tun, tfile, consumed): called for every consume on both paths (one packet or a batch), flag or not,
 * with consumer_lock held.
 */
SEC("?fentry/__tun_wake_queue")
int consumed_fentry(volatile u64 *ctx)
{
	struct cpu_state *state = state_of(cpu_id_beside(&ctx));
	struct row *row = row_at(state->taken_row);
	struct tun_file *file = (void *)ctx[1];
	u32 queue = file->queue_index;

	if (tun_behind(row->device) != ctx[0] || (u32)row->place != queue) {
		u64 place = place_here(state, queue);

		row = first_in_table(ctx[0], place, &state->taken_row, PRIVATE_PLACE);
		if (tun_behind(row->device) != ctx[0] || row->place != place)
			return consumed_beside((u64 *)ctx);
	}
	return count_consumed(ctx, row);
}

/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What happens between the entry and the exit of tun_net_xmit, whichever pair of probes sees them. */
#pragma once
#include "flow.bpf.h"
#include "overflow.bpf.h"
#include "reader-time.bpf.h"
#include "ring.bpf.h"
#include "row.bpf.h"
#include "sample.bpf.h"

#define READER_MASK 127 /* one drop of 128 looks at what the reader does */

/* The exit of the transmit function is seen: it counts the packets whose entry was. */
extern u8 exit_seen;

/* CPUs between the entry and the exit of the soft interrupt NET_TX; stays 0 where no program looks. */
extern u8 in_net_tx[MAX_CPUS];

/* The first packet after a wake; who sent it, and from where. */
static __noinline int begin_watched(u32 cpu)
{
	struct cpu_state *state = state_of(cpu);
	struct row *row = row_at(state->sent_row);
	struct queue *queue = queue_at(row->queue);
	struct sk_buff *skb = (void *)state->skb;

	if (!row->queue)
		return 0;
	if (!(queue->watch & WATCH_FLOW)) {
		row->sample_mask = SAMPLE_MASK;
		return 0;
	}
	queue->sender = (typed_reads ? TYPED(sk_buff, state->skb)->alloc_cpu : BPF_CORE_READ(skb, alloc_cpu)) + 1;
	if (in_net_tx[cpu & (MAX_CPUS - 1)])
		row->sent_by_softirq++;
	if (queue->woken_at) {
		u64 woken = __sync_lock_test_and_set(&queue->woken_at, 0);

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
	else if (slot == REASON_FULL_RING)
		count_overflow(row->queue, device, row->place);
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
		/* It lies there alone: it found an empty ring. */
		if (file && !ring.torn && ring.used <= 1)
			end_episode(number, &file->tx_ring);
	}
	if (watch & WATCH_FLOW) {
		struct netdev_queue *txq = transmit_queue_typed((struct net_device *)device, index);

		row->sample_mask = 0;
		if (is_stopped(txq) && is_running((struct net_device *)device))
			begin_stop(queue, txq, &queue->stops);
	}
	return 0;
}

static __always_inline int end_transmit(struct cpu_state *state, u32 cpu, bool dropped, u64 device)
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
		return end_rarely_dropped(cpu, reason, device);
	row->dropped[slot & (REASONS - 1)]++;
	if (slot != REASON_FULL_RING)
		return row->offered & SAMPLE_MASK ? 0 : forget_marks(row->queue);
	if (!(count_overflow(row->queue, device, row->place) & READER_MASK))
		sample_reader(device, (u32)row->place);
	if (queue_at(row->queue)->watch & WATCH_FLOW)
		end_watched(state->sent_row, device, true);
	return 0;
}

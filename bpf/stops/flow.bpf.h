/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A queue that is stopped instead of dropping (IFF_BACKPRESSURE): when it was stopped, how that ended. */
#pragma once
#include "atomics.bpf.h"
#include "device.bpf.h"
#include "rows/histogram.bpf.h"
#include "ring/ring.bpf.h"

static __always_inline struct netdev_queue *transmit_queue_typed(struct net_device *dev, u32 queue)
{
	if (typed_reads)
		return (void *)TYPED(net_device, (u64)dev)->_tx + (u64)queue * bpf_core_type_size(struct netdev_queue);
	return transmit_queue(dev, queue);
}

static __always_inline bool is_stopped(struct netdev_queue *txq)
{
	return (typed_reads ? TYPED(netdev_queue, (u64)txq)->state : BPF_CORE_READ(txq, state)) & NETDEV_TX_XOFF;
}

static __always_inline bool is_running(struct net_device *dev)
{
	/* __LINK_STATE_START */
	return (typed_reads ? TYPED(net_device, (u64)dev)->state : BPF_CORE_READ(dev, state)) & 1;
}

/*
 * The queue's bit is set. The first that sees it counts; the wake may come between the sample and the count, and has
 * then found nothing to end: so the bit is looked at again.
 */
static __always_inline void begin_stop(struct queue *queue, struct netdev_queue *txq, u64 *counter)
{
	u64 now = bpf_ktime_get_ns();

	if (queue->stopped_since || COMPARE_EXCHANGE(&queue->stopped_since, 0, now))
		return;
	if (!is_stopped(txq) && COMPARE_EXCHANGE(&queue->stopped_since, now, 0) == now)
		return; /* its wake was counted with an inferred stop */
	__sync_fetch_and_add(counter, 1);
}

/* The answer: ns for which it was stopped, 0 if no program saw it stop. */
static __always_inline u64 end_stop(u32 number, struct queue *queue, u64 now)
{
	u64 since = EXCHANGE(&queue->stopped_since, 0);

	queue->due_since = 0;
	if (!since)
		return 0;
	__sync_fetch_and_add(&queue->stopped_ns, now - since);
	observe(number, HISTOGRAM_STOPPED, now - since);
	return now - since;
}

/* IFF_BACKPRESSURE is gone: who sees it first counts, the program at the end of TUNSETIFF or a walk in the middle of
 * it. */
static __always_inline void lose_flow(struct queue *queue)
{
	if (TAKE_BITS(&queue->watch, WATCH_FLOW))
		__sync_fetch_and_add(&queue->flow_lost, 1);
}

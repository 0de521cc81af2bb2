/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Overflow: bursts of drops, which end with the next packet that the ring takes, and episodes, which end when it is
 * empty. What an episode would have needed is what the ring holds and what was dropped until then.
 */
#pragma once
#include "histogram.bpf.h"
#include "ring.bpf.h"

/* Consumed packets are counted under the ring's lock: who takes the last one ends an episode. */
static u32 consumer_seen;

static __noinline int begin_episode(u32 number, u64 device, u32 index)
{
	struct tun_file *file = tun_file_at(tun_of((struct net_device *)device), index);
	struct queue *queue = queue_at(number);
	struct ring_state ring = {};

	queue->episode_since = bpf_ktime_get_ns();
	if (file)
		read_ring(file, &ring);
	if (ring.used > queue->highwater[0])
		queue->highwater[0] = ring.used;
	return 0;
}

/* In the exit of the transmit function; the ring was full. */
static __noinline int count_overflow(u32 number, u64 device, u32 index)
{
	struct queue *queue = queue_at(number);
	u32 watch = consumer_seen ? WATCH_BURST : WATCH_BURST | WATCH_EPISODE;

	if (!number)
		return 0;
	if (!__sync_fetch_and_add(&queue->episode_drops, 1))
		begin_episode(number, device, index);
	__sync_fetch_and_add(&queue->burst, 1);
	if ((queue->watch & watch) != watch)
		__sync_fetch_and_or(&queue->watch, watch);
	return 0;
}

static __always_inline void end_burst(u32 number, struct queue *queue)
{
	__sync_fetch_and_and(&queue->watch, ~WATCH_BURST);
	u32 burst = __sync_lock_test_and_set(&queue->burst, 0);

	if (burst)
		observe(number, HISTOGRAM_BURST, burst);
}

/* The ring is empty. */
static __noinline int end_episode(u32 number, struct ptr_ring *ring)
{
	struct queue *queue = queue_at(number);
	u64 dropped;

	if (!number)
		return 0;
	__sync_fetch_and_and(&queue->watch, ~WATCH_EPISODE);
	dropped = __sync_lock_test_and_set(&queue->episode_drops, 0);
	u64 needed = dropped + BPF_CORE_READ(ring, size);

	if (!dropped)
		return 0;
	__sync_fetch_and_add(&queue->episodes, 1);
	if (needed > queue->needed[0])
		queue->needed[0] = needed;
	return 0;
}

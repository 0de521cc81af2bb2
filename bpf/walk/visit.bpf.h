/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Work of each walk on the shared row of a queue: turns windows, and handles stops that no program saw. */
#pragma once
#include "atomics.bpf.h"
#include "device.bpf.h"
#include "stops/flow.bpf.h"

#define WINDOW_NS 60000000000ULL
/* Longer than any program takes between the change of a bit and its count. */
#define SETTLED_NS 10000000ULL

static __always_inline void turn_window(struct queue *queue, u64 now)
{
	if (now - queue->window_start < WINDOW_NS)
		return;
	queue->window_start = now;
	queue->highwater[1] = EXCHANGE(&queue->highwater[0], 0);
	queue->needed[1] = EXCHANGE(&queue->needed[0], 0);
}

/* Stops that no program saw: begun before wakes were watched, or ended without a wake. */
static __always_inline void watch_flow(u32 number, struct net_device *dev, u32 index, u64 now)
{
	struct netdev_queue *txq = transmit_queue(dev, index);
	struct queue *queue = queue_at(number);
	u64 since = queue->stopped_since;

	if (!(queue->watch & WATCH_FLOW)) {
		SET_BITS(&queue->watch, WATCH_FLOW);
		queue->stopped_since = 0;
		since = 0;
	}
	if (!since && is_stopped(txq) && is_running(dev))
		begin_stop(queue, txq, &queue->stops_inferred);
	/* It has left since the walk saw it, and who ends the stops of such may have been here before. */
	if (index >= BPF_CORE_READ(tun_of(dev), numqueues) && end_stop(number, queue, bpf_ktime_get_ns()))
		__sync_fetch_and_add(&queue->stops_ended, 1);
	if (since && now - since > SETTLED_NS && !is_stopped(txq) && end_stop(number, queue, now))
		__sync_fetch_and_add(&queue->stops_ended, 1);
}

/* The row that all CPUs share. It is made here only for a queue whose stops are watched: an idle queue needs none. */
__noinline int visit_shared(u64 device, u32 index, u32 used, u32 flow_watched)
{
	struct net_device *dev = (struct net_device *)device;
	u64 now = bpf_ktime_get_ns(), id = device_id(device);
	struct row_key key = {.device = device, .place = (u64)NO_CPU << 32 | index};
	bool flow = flow_watched && BPF_CORE_READ(tun_of(dev), flags) & IFF_BACKPRESSURE;
	u32 *indexed = bpf_map_lookup_elem(&row_index, &key), number = indexed ? *indexed : 0;

	if (number && row_at(number)->device_id != id)
		number = 0;
	if (!number && flow && id)
		number = queue_number(device, id, index);
	struct queue *queue = queue_at(number);

	if (!number)
		return 0;
	turn_window(queue, now);
	if (used > queue->highwater[0])
		queue->highwater[0] = used;
	if (flow)
		watch_flow(number, dev, index, now);
	else if (flow_watched)
		lose_flow(queue);
	else
		CLEAR_BITS(&queue->watch, WATCH_FLOW);
	return 0;
}

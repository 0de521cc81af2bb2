/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What happens between the entry and the exit of tun_net_xmit, whichever pair of probes sees them. */
#pragma once
#include "queue.bpf.h"
#include "ring.bpf.h"

static __always_inline void begin_transmit(u64 skb, u64 device, u64 hash_base, u64 id, u32 queue, u32 bytes)
{
	struct in_flight *packet = &in_flight[cpu_id()];
	u32 number = 0;
	struct row *row = id ? find_row(device, hash_base, id, queue, &number) : NULL;

	packet->row = number;
	packet->queue = queue;
	packet->reason_seen = 0;
	packet->skb = skb;
	if (!row) {
		__sync_fetch_and_add(&rowless_packets, 1);
		return;
	}
	row->offered++;
	row->offered_bytes += bytes;
}

/* A shared skb (pktgen, clones) is not freed by its drop: no tracepoint fires, no reason is known. */
static __noinline enum reason_slot untraced_slot(struct net_device *dev, u32 queue)
{
	struct tun_file *file = tun_file_at(tun_of(dev), queue);

	return file && ring_is_full(file) ? REASON_FULL_RING : REASON_UNTRACED;
}

static __always_inline void end_transmit(struct in_flight *packet, bool dropped, u64 device)
{
	struct row *row = row_at(packet->row);

	packet->skb = 0;
	if (!packet->row || !row) {
		if (dropped)
			__sync_fetch_and_add(&rowless_dropped, 1);
		return;
	}
	if (!dropped) {
		row->enqueued++;
		return;
	}
	u32 slot = packet->reason_seen ? slot_of(packet->reason)
				       : untraced_slot((struct net_device *)device, packet->queue);

	row->dropped[slot & (REASONS - 1)]++;
	if (slot == REASON_RARE)
		count_rare(packet->row, packet->reason);
}

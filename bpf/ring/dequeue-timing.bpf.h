/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* When packets leave the ring, before Linux 7.3: nothing is called there while the ring's lock is held, so that the
 * ring is looked at when the call that took them ends. */
#pragma once
#include "atomics.bpf.h"
#include "rows/file-row.bpf.h"
#include "ring/sample.bpf.h"

/* Packets by which one of several readers may overtake another. */
#define READERS_APART 16

static __noinline int look_at_departures(u64 tun_file)
{
	struct tun_file *file = (struct tun_file *)tun_file;
	u32 number = row_at(row_of_file(tun_file))->queue;
	u32 head = BPF_CORE_READ(file, tx_ring.consumer_head), size = BPF_CORE_READ(file, tx_ring.size);
	struct queue *queue = queue_at(number);

	if (!number || head >= size)
		return 0;
	u32 before = EXCHANGE(&queue->taken_head, head);

	if (before >= size)
		return 0; /* the first sample, or the ring was resized */
	u32 packets = distance(before, head, size);

	if (packets + READERS_APART > size)
		return 0;
	__sync_fetch_and_add(&queue->taken, packets);
	for (int i = 0; i < MARKS_QUEUED && marked_slot(number, queue) < size; i++) {
		if (distance(before, marked_slot(number, queue), size) >= packets)
			break;
		take_mark(number, &file->tx_ring);
	}
	return 0;
}

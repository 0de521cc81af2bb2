/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Counts of a queue that are rare, or made on demand: not in its row. */
#pragma once
#include "rows/queue.bpf.h"

enum queue_event {
	EVENT_NO_BUFFER,
	EVENT_DISCARDED,
	EVENT_ZEROCOPY_TRIED,
	EVENT_ZEROCOPY_DONE, /* without having been copied */
	EVENT_ZEROCOPY_COPIED,
	/* Zero-copy is on, and was not tried: */
	EVENT_COPIED_SMALL,
	EVENT_COPIED_PENDING, /* too many are out */
	EVENT_COPIED_FLUSH,
	EVENT_COPIED_THROTTLED, /* too many had to be copied after all */
	EVENT_COPIED_OTHER,
	EVENT_FREED_WHERE_ALLOCATED, /* on that CPU */
	EVENT_FREED_ELSEWHERE,
	EVENT_FREE_DEFERRED,	/* given back to that CPU */
	EVENT_WOKEN_WHERE_SENT, /* the reader, on the CPU of the packet that woke it */
	EVENT_WOKEN_ELSEWHERE,
	/* Queues of the device that changed, counted in the row of the first: */
	EVENT_QUEUE_LEFT,
	EVENT_QUEUE_MOVED, /* to the index of one that left */
};

struct queue_event_key {
	u32 row;
	enum queue_event event;
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 16384);
	__type(key, struct queue_event_key);
	__type(value, u64);
} queue_events SEC(".maps");
struct insertions queue_events_insertions;

u64 lost_event; /* queue_events was full */

static __noinline int count_event(u32 row, u32 event, u32 count)
{
	struct queue_event_key key = {.row = row, .event = event};
	u64 *counter = bpf_map_lookup_elem(&queue_events, &key), none = 0;

	if (!counter) {
		INSERT(queue_events, &key, &none);
		counter = bpf_map_lookup_elem(&queue_events, &key);
	}
	__sync_fetch_and_add(counter ?: &lost_event, counter ? count : 1);
	return 0;
}

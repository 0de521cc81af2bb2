/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The walk's part in watching readers: a slot for each queue, as long as it is there, and who waits in its wait queue.
 */
#pragma once
#include "readers/reader.bpf.h"
#include "readers/waiting.bpf.h"

/* Only the walk writes these. */
u32 watch_number;
u32 free_slots[MAX_READERS], free_slot_count;

static __always_inline bool take_slot(u32 *slot)
{
	if (free_slot_count) {
		*slot = free_slots[--free_slot_count & (MAX_READERS - 1)];
		return true;
	}
	*slot = readers_used;
	if (readers_used >= MAX_READERS)
		return false;
	readers_used++;
	return true;
}

static __always_inline u32 new_reader(u64 tun_file, u64 device)
{
	struct queue_reader *reader;
	u32 slot = 0;

	if (!take_slot(&slot))
		return 0;
	reader = bpf_map_lookup_elem(&queue_readers, &slot);
	if (!reader)
		return 0;
	__builtin_memset(reader, 0, sizeof(*reader));
	reader->tun_file = tun_file;
	reader->file = (u64)BPF_CORE_READ((struct tun_file *)tun_file, socket.file);
	reader->device = device;
	reader->carrier_ups = carrier_ups_of(device);
	reader->born = bpf_ktime_get_ns();
	reader->slot = slot;
	bpf_map_update_elem(&reader_slots, &tun_file, &slot, BPF_ANY);
	return slot + 1;
}

/* Slot + 1 of the queue's reader; 0: no more are to be had. `worker`: of the guest's backend; 0: it has none. */
__noinline int watch_reader(u64 tun_file, u64 device, u64 worker, u32 queue)
{
	struct tun_file *file = (struct tun_file *)tun_file;
	u32 *known = bpf_map_lookup_elem(&reader_slots, &tun_file), slot = known ? *known : MAX_READERS;
	struct queue_reader *reader = bpf_map_lookup_elem(&queue_readers, &slot);

	if (!reader || !is_of(reader, file, device)) {
		slot = new_reader(tun_file, device) - 1;
		reader = bpf_map_lookup_elem(&queue_readers, &slot);
	}
	if (!reader)
		return 0;
	reader->queue = queue;
	reader->seen_walk = watch_number;
	u64 thread = worker ?: thread_of_waiter(first_reader(file));

	reader->is_worker = worker != 0;
	if (thread)
		set_thread(reader, thread);
	return slot + 1;
}

__noinline int forget_unseen(u32 slot)
{
	struct queue_reader *reader = bpf_map_lookup_elem(&queue_readers, &slot);

	if (!reader || !reader->tun_file || reader->seen_walk == watch_number)
		return 0;
	u64 tun_file = reader->tun_file;
	u32 *current = bpf_map_lookup_elem(&reader_slots, &tun_file);

	if (current && *current == slot)
		bpf_map_delete_elem(&reader_slots, &tun_file);
	reader->tun_file = 0;
	free_slots[free_slot_count++ & (MAX_READERS - 1)] = slot;
	return 0;
}

static __always_inline void begin_watch(void)
{
	watch_number++;
}

/* Of 64 slots. */
__noinline int forget_some(u32 first)
{
	for (u32 i = 0; i < 64; i++)
		forget_unseen(first + i);
	return 0;
}

/* Runs after a complete walk. */
static __always_inline void forget_readers(void)
{
	for (u32 first = 0; first < MAX_READERS; first += 64) {
		if (first >= readers_used)
			break;
		forget_some(first);
	}
}

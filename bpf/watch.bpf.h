/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The walk's part in watching readers: a slot for each queue, as long as it is there, and who waits in its wait queue.
 */
#pragma once
#include "reader.bpf.h"

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct wait_queue_entry {
	void *private;
	void *func;
	struct list_head entry;
};

struct poll_wqueues {
	struct task_struct *polling_task;
};

struct eventpoll {
	wait_queue_head_t wq;
};

struct epitem {
	struct eventpoll *ep;
};

struct eppoll_entry {
	struct epitem *base;
	struct wait_queue_entry wait;
};

#pragma clang attribute pop

/* Whose entry in a wait queue it is; 0 where symbols are hidden. */
const volatile u64 default_wake_function_address; /* of who sleeps in read() */
const volatile u64 pollwake_address;
const volatile u64 ep_poll_callback_address;

/* Only the walk writes these. */
u32 watch_number;
u32 free_slots[MAX_READERS], free_slot_count;

static __always_inline struct wait_queue_entry *first_waiter(wait_queue_head_t *queue)
{
	struct list_head *head = &queue->head, *first = BPF_CORE_READ(head, next);

	if (!first || first == head)
		return NULL;
	return (void *)((u64)first - bpf_core_field_offset(struct wait_queue_entry, entry));
}

/* The thread that sleeps until there is something to read, whether in read(), poll() or epoll_wait(); 0: none, or by
 * other means. */
static __always_inline u64 waiting_thread(struct tun_file *file)
{
	struct wait_queue_entry *entry = first_waiter(&file->socket.wq.wait);

	if (!entry)
		return 0;
	u64 function = (u64)BPF_CORE_READ(entry, func);

	if (function == default_wake_function_address)
		return (u64)BPF_CORE_READ(entry, private);
	if (function == pollwake_address) {
		struct poll_wqueues *poll = BPF_CORE_READ(entry, private);

		return (u64)BPF_CORE_READ(poll, polling_task);
	}
	if (function != ep_poll_callback_address || !bpf_core_field_exists(struct eppoll_entry, base))
		return 0;
	struct eppoll_entry *item = (void *)entry - bpf_core_field_offset(struct eppoll_entry, wait);
	struct eventpoll *poll = BPF_CORE_READ(item, base, ep);

	entry = first_waiter(&poll->wq);
	return entry ? (u64)BPF_CORE_READ(entry, private) : 0;
}

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
	reader->born = bpf_ktime_get_ns();
	bpf_map_update_elem(&reader_slots, &tun_file, &slot, BPF_ANY);
	return slot + 1;
}

/* Slot + 1 of the queue's reader; 0: no more are to be had. `worker`: of vhost-net, where it is connected. */
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
	u64 thread = worker ?: waiting_thread(file);

	reader->vhost = worker != 0;
	if (thread)
		set_thread(reader, thread);
	return slot + 1;
}

static long forget_unseen(u32 slot, void *unused)
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

/* After a complete walk. */
static __always_inline void forget_readers(void)
{
	bpf_loop(readers_used, forget_unseen, NULL, 0);
}

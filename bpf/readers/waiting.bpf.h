/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The thread that sleeps until it can read a packet, from the socket's wait queue. */
#pragma once
#include "readers/task.bpf.h"

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

/* Tell the kind of an entry in a wait queue; 0 where symbols are hidden. */
const volatile u64 default_wake_function_address; /* of who sleeps in read() */
const volatile u64 pollwake_address;
const volatile u64 ep_poll_callback_address;

static __always_inline struct wait_queue_entry *first_waiter(wait_queue_head_t *queue)
{
	struct list_head *head = &queue->head, *first = BPF_CORE_READ(head, next);

	if (!first || first == head)
		return NULL;
	return (void *)((u64)first - bpf_core_field_offset(struct wait_queue_entry, entry));
}

/* The thread that this entry, if any, wakes from read(), poll() or epoll_wait(); 0: it wakes by other means. */
static __always_inline u64 thread_of_waiter(struct wait_queue_entry *entry)
{
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

static __always_inline struct wait_queue_entry *first_reader(struct tun_file *file)
{
	return first_waiter(&file->socket.wq.wait);
}

/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Whether a packet wakes the reader on the CPU that sent it or on another, of one packet in 256: asleep when the packet
 * came, awake when it was in the ring. */
#pragma once
#include "atomics.bpf.h"
#include "rows/queue-events.bpf.h"
#include "readers/reader.bpf.h"
#include "readers/waiting.bpf.h"

/* include/linux/sched.h: TASK_INTERRUPTIBLE, TASK_UNINTERRUPTIBLE */
#define TASK_ASLEEP 3

/* The worker of a guest has an entry of its own kind, and is known from the walk. */
static __always_inline u64 sleeping_reader(struct tun_file *file)
{
	struct wait_queue_entry *entry = first_reader(file);
	u64 thread = thread_of_waiter(entry);

	if (entry && !thread) {
		struct queue_reader *reader = reader_of((u64)file);

		thread = reader && reader->is_worker && is_same_thread(reader, reader->thread) ? reader->thread : 0;
	}
	struct task_struct *task = (struct task_struct *)thread;

	/* A thread that is still on a CPU is only about to sleep. */
	if (!thread || !(state_bits(task) & TASK_ASLEEP) || BPF_CORE_READ_BITFIELD_PROBED(task, on_cpu))
		return 0;
	return thread;
}

/* Runs before the packet is put into an empty ring. When several CPUs come at once, only the last is reported. */
static __noinline int begin_wakeup(struct queue *queue, struct tun_file *file)
{
	u64 thread = sleeping_reader(file);

	if (!thread)
		return 0;
	queue->sleeper = thread;
	queue->sleeper_slept = BPF_CORE_READ((struct task_struct *)thread, nvcsw);
	queue->waker = cpu_id() + 1;
	SET_BITS(&queue->watch, WATCH_SLEEPER);
	return 0;
}

/*
 * Runs at the exit of that packet, or at the next entry, when its reader may sleep again: it slept once more then than
 * before. `sampled`: the packet is one of those that are looked at; else the end of such a one was not seen.
 */
static __noinline int end_wakeup(u32 number, bool sampled)
{
	struct queue *queue = queue_at(number);
	struct task_struct *task = (struct task_struct *)queue->sleeper;
	u32 cpu = cpu_id();

	CLEAR_BITS(&queue->watch, WATCH_SLEEPER);
	if (!sampled || queue->waker != cpu + 1)
		return 0;
	if (state_bits(task) & ~TASK_WAKING && (u32)BPF_CORE_READ(task, nvcsw) == queue->sleeper_slept)
		return 0;
	u32 woken_on = cpu_of(task);

	return count_event(number, woken_on == cpu ? EVENT_WOKEN_WHERE_SENT : EVENT_WOKEN_ELSEWHERE, 1);
}

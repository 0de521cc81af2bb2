/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The reader of each queue, and its state while the queue is full or stopped: sampled at drops and by the
 * agent. */
#pragma once
#include "atomics.bpf.h"
#include "ring/ring.bpf.h"
#include "readers/task.bpf.h"

#define MAX_READERS 4096

/* Between two samples, in ns. */
struct reader_time {
	struct scheduled seen;	  /* by the last sample; never less than before */
	u64 task;		  /* the thread, or the leader of several, of which that is; 0: of none */
	u64 ahead;		  /* ran more than passed: the kernel adds at ticks */
	struct scheduled unspent; /* while the queue was not full: what a single sample may at most stand for */
	u64 uncertain;		  /* sum: between two samples of a full queue, and perhaps not full */
	u32 kept_by;		  /* the state that kept it from running last: waiting or throttled */
	u32 busy;
};

#define MOST_RIVALS 4

/* A process that had the CPU for which the reader waited. */
struct rival {
	u64 started; /* with the number: this process and no other; ns since boot */
	u32 pid;
	u32 looks;
	char comm[16]; /* of the thread that was seen last */
};

/*
 * The reader of one tun_file. Only the walk gives a slot and takes it back; all others find
 * it through reader_slots.
 */
struct queue_reader {
	u64 tun_file; /* 0: the slot is free */
	u64 file;     /* a tun_file's address is used again at once, mostly with another file */
	u64 device;
	u64 born; /* ns; no slot has the same twice */
	u32 queue;
	u32 seen_walk;
	/* The thread that was seen reading, or in wait for something to read; 0: none yet. */
	u64 thread, thread_started;
	u32 tid;
	u32 being_written;
	u64 thread_changed; /* ns: when it was another than before */
	/* The holder of the descriptor: the leader of its threads. */
	u64 process, process_started;
	u32 process_walk; /* of holder_walks, in which it was seen last */
	u32 is_worker;	  /* the thread is the kernel's own, which reads for a guest */
	/* The time of the last look. */
	u64 looked, pressed, threads_looked; /* ns: at all; and the queue was full or stopped; at all threads */
	u32 was_pressed;
	enum thread_state threads_state; /* and with it that type is in our BTF, where the agent finds its names */
	s32 consumer_head;
	u32 carrier_ups;    /* of the device: all descriptors of one that no process held for a moment are others */
	u64 nanoseconds[8]; /* by thread_state: of the time in which the queue was full or stopped */
	struct reader_time time;
	struct rival rivals[MOST_RIVALS];
	u32 waiting_looks; /* the agent's, that found the reader waiting */
	u32 slot;	   /* its own */
	struct thread_walk threads;
};

_Static_assert(sizeof(struct queue_reader) == 472, "the slots of readers");
_Static_assert(THREAD_STATES <= 8, "nanoseconds of a reader");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, MAX_READERS);
	__type(key, u32);
	__type(value, struct queue_reader);
} queue_readers SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, MAX_READERS);
	__type(key, u64);
	__type(value, u32);
} reader_slots SEC(".maps");

#define MILLISECOND 1000000ULL
#define OF_GUEST    8 /* more than any state */

u32 holder_walks; /* runs of the iterator over descriptors */
u32 readers_used; /* slots ever used begin at 0 and end here */

static __always_inline struct queue_reader *reader_of(u64 tun_file)
{
	u32 *slot = bpf_map_lookup_elem(&reader_slots, &tun_file);

	return slot ? bpf_map_lookup_elem(&queue_readers, slot) : NULL;
}

static __always_inline bool is_same_thread(struct queue_reader *reader, u64 thread)
{
	return reader->thread == thread &&
	       reader->thread_started == BPF_CORE_READ((struct task_struct *)thread, start_time);
}

/* Threads may report at the same time that they read the queue. The first one is recorded; the others return. */
static __always_inline void set_thread(struct queue_reader *reader, u64 thread)
{
	struct task_struct *task = (struct task_struct *)thread;

	if (is_same_thread(reader, thread) || COMPARE_EXCHANGE(&reader->being_written, 0, 1))
		return;
	if (reader->thread)
		reader->thread_changed = bpf_ktime_get_ns();
	reader->thread = thread;
	reader->thread_started = BPF_CORE_READ(task, start_time);
	reader->tid = BPF_CORE_READ(task, pid);
	EXCHANGE(&reader->being_written, 0);
}

/*
 * For the hook on the reader's side, once in 1024 packets that are taken out of the ring: the running thread is the
 * reader, whether it is in read() or a worker of the kernel.
 */
static __noinline int note_reader(u64 tun_file)
{
	struct queue_reader *reader = reader_of(tun_file);

	if (reader)
		set_thread(reader, bpf_get_current_task());
	return 0;
}

/* The state of a process of which the reading thread is not known. */
static __always_inline enum thread_state state_of_process(const struct thread_walk *walk)
{
	const u32 *threads = walk->threads;

	if (threads[THREAD_RUNNING])
		return THREAD_RUNNING;
	if (threads[THREAD_WAITING])
		return THREAD_WAITING;
	if (threads[THREAD_THROTTLED])
		return THREAD_THROTTLED;
	if (threads[THREAD_STOPPED])
		return THREAD_STOPPED;
	return threads[THREAD_SLEEPING] ? THREAD_SLEEPING : THREAD_GONE;
}

/* A guest whose worker sleeps: it gives the worker no buffers. Because it cannot? */
static __always_inline enum thread_state state_of_guest(const struct thread_walk *walk)
{
	const u32 *threads = walk->threads;

	if (threads[THREAD_STOPPED])
		return THREAD_STOPPED;
	if (threads[THREAD_THROTTLED])
		return THREAD_THROTTLED;
	return threads[THREAD_WAITING] && !threads[THREAD_RUNNING] ? THREAD_WAITING : THREAD_SLEEPING;
}

/* The next thread of the process that holds the queue. 1: there is none. */
__noinline int look_at_thread(u32 slot)
{
	struct queue_reader *reader = bpf_map_lookup_elem(&queue_readers, &slot);

	return reader ? add_thread(&reader->threads) : 1;
}

/* Dear with many threads: at drops at most every 10 ms. Not static: the verifier follows it once. */
__noinline u32 judge_process(u32 slot, u64 now, u64 observer, bool guest)
{
	struct queue_reader *reader = bpf_map_lookup_elem(&queue_readers, &slot);

	if (!reader)
		return THREAD_UNKNOWN;
	struct thread_walk *walk = &reader->threads;
	struct task_struct *process = (struct task_struct *)reader->process;

	if (!observer && now - reader->threads_looked < 10 * MILLISECOND)
		return reader->threads_state;
	if (!is_thread(reader->process, reader->process_started))
		return guest ? THREAD_SLEEPING : THREAD_UNKNOWN;
	if (COMPARE_EXCHANGE(&walk->busy, 0, 1))
		return reader->threads_state; /* another CPU is at it */
	walk->observer = observer;
	begin_threads(process, walk);
	for (u32 i = 0; i < MOST_THREADS; i++)
		if (look_at_thread(slot))
			break;
	reader->threads_state = guest ? state_of_guest(walk) : state_of_process(walk);
	reader->threads_looked = now;
	EXCHANGE(&walk->busy, 0);
	return reader->threads_state;
}

static __always_inline bool has_ended(struct queue_reader *reader)
{
	struct task_struct *task = (struct task_struct *)reader->thread;

	return !is_thread(reader->thread, reader->thread_started) || BPF_CORE_READ(task, exit_state);
}

/* Several threads take turns (a Go program's do): the one seen last says nothing of the next. */
static __always_inline bool has_several_threads(struct queue_reader *reader, u64 now)
{
	return reader->thread_changed && now - reader->thread_changed < 10000 * MILLISECOND;
}

/* No thread is known to be the reader: what all threads of the process do together counts. */
static __always_inline bool is_process(struct queue_reader *reader, u64 now)
{
	return !reader->thread || (has_several_threads(reader, now) && !reader->is_worker);
}

/* An enum thread_state, with OF_GUEST where it is what the guest does whose worker sleeps. */
static __always_inline u32 judge_reader(struct queue_reader *reader, u64 now, u64 observer, bool taken)
{
	if (reader->being_written)
		return THREAD_UNKNOWN; /* half of one thread, half of another */
	if (reader->thread && has_ended(reader)) {
		if (!taken)
			return THREAD_GONE;
		reader->thread = 0; /* another thread took the packet; which one is not known yet */
	}
	if (is_process(reader, now))
		return judge_process(reader->slot, now, observer, false);
	u32 state = state_of_thread((struct task_struct *)reader->thread, (struct task_struct *)observer);

	return state == THREAD_SLEEPING && reader->is_worker
		       ? OF_GUEST | judge_process(reader->slot, now, observer, true)
		       : state;
}

static __always_inline u32 carrier_ups_of(u64 device)
{
	return BPF_CORE_READ((struct net_device *)device, carrier_up_count.counter);
}

static __always_inline bool is_of(struct queue_reader *reader, struct tun_file *file, u64 device)
{
	return reader->device == device && reader->file == (u64)BPF_CORE_READ(file, socket.file) &&
	       reader->carrier_ups == carrier_ups_of(device);
}

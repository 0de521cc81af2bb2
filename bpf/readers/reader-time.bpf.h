/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * How the time is spent in which a queue is full or stopped. Looks say whether it is, and what its reader does at that
 * moment; the scheduler says exactly how long the reader ran and waited from one sample to the next.
 *
 * Between two samples that both find the queue full, the reader ran and waited for as long as the scheduler counted.
 * The rest of that time it did neither: it is full time if nothing was taken out of the ring, or as far as a sample saw
 * the reader sleep, at most SINGLE_LOOK; else the reader may have emptied the ring and slept for want of packets, and
 * the time is uncertain. A sample that finds the queue full, after one that did not, stands for the time since that
 * one, at most SINGLE_LOOK. It never stands for more than the scheduler counted while the queue was not full. So what
 * is said of running and waiting is, over any time, at most what the scheduler counted and one SINGLE_LOOK.
 */
#pragma once
#include "atomics.bpf.h"
#include "readers/reader.bpf.h"
#include "readers/rivals.bpf.h"

/* Twice the mean distance of the agent's samples (src/agent/sampler.ts). */
#define SINGLE_LOOK (100 * MILLISECOND)
/* More than the kernel adds at one tick (HZ=100). */
#define MOST_AHEAD (10 * MILLISECOND)
/* The time for which readers are looked at after a full queue, ns. */
#define RECENT (5000 * MILLISECOND)

static __always_inline u64 least(u64 one, u64 other)
{
	return one < other ? one : other;
}

/* Grows from `*from` to `to`, and never shrinks: a thread that ends takes its sums with it. */
static __always_inline u64 grow(u64 *from, u64 to)
{
	u64 before = *from;

	if (to <= before)
		return 0;
	*from = to;
	return to - before;
}

/* The scheduler's count since the last sample; false: that sample was of other threads, or is too long ago. */
static __always_inline bool count_scheduled(struct queue_reader *reader, u64 now, u32 state, struct scheduled *passed)
{
	struct reader_time *time = &reader->time;
	struct scheduled sum = {};
	bool process = is_process(reader, now);
	u64 task = state == THREAD_UNKNOWN || !counts_scheduled() ? 0 : process ? reader->process : reader->thread;

	if (!task) {
		time->task = 0;
		return false;
	}
	if (process)
		sum = reader->threads.scheduled;
	else if (state != THREAD_GONE)
		add_scheduled((struct task_struct *)task, &sum);
	if (time->task != task) {
		time->task = task;
		time->seen = sum;
		time->unspent = (struct scheduled){};
		time->ahead = 0;
		return false;
	}
	passed->ran = grow(&time->seen.ran, sum.ran);
	passed->waited = grow(&time->seen.waited, sum.waited);
	return true;
}

static __always_inline void spend(struct queue_reader *reader, u32 state, u64 nanoseconds)
{
	__sync_fetch_and_add(&reader->nanoseconds[state & 7], nanoseconds);
}

/* Full at both ends. */
static __always_inline void spend_between(struct queue_reader *reader, u32 state, u64 elapsed, struct scheduled *passed,
					  bool taken)
{
	struct reader_time *time = &reader->time;
	u64 ran = passed->ran + time->ahead, took = least(ran, elapsed);

	time->ahead = least(ran - took, MOST_AHEAD);
	u64 waited = least(passed->waited, elapsed - took), rest = elapsed - took - waited;

	spend(reader, THREAD_RUNNING, took);
	spend(reader, time->kept_by, waited);
	if (!taken) {
		spend(reader, state, rest);
		return;
	}
	bool rests = state & OF_GUEST || (state != THREAD_RUNNING && state != THREAD_WAITING);
	u64 seen = rests ? least(rest, SINGLE_LOOK) : 0;

	spend(reader, state, seen);
	time->uncertain += rest - seen;
}

/* Not full at the last sample, or nothing is known of what the scheduler counted since. */
static __always_inline void spend_alone(struct queue_reader *reader, u32 state, u64 elapsed, bool counted)
{
	struct reader_time *time = &reader->time;
	u64 part = least(elapsed, SINGLE_LOOK), *unspent = NULL;

	if (state == THREAD_RUNNING)
		unspent = &time->unspent.ran;
	else if (state == THREAD_WAITING)
		unspent = &time->unspent.waited;
	if (unspent && counted) {
		part = least(part, *unspent);
		*unspent -= part;
	}
	spend(reader, state, part);
	time->uncertain += elapsed > SINGLE_LOOK ? elapsed - SINGLE_LOOK : 0;
}

/* `alone`: what this sample sees may stand for the time since one that found room in the queue. */
static __always_inline void spend_since(struct queue_reader *reader, u64 now, u64 before, u64 observer, bool pressed,
					bool alone, bool taken)
{
	struct reader_time *time = &reader->time;
	struct scheduled passed = {};
	bool was_pressed = reader->was_pressed;
	u32 state = judge_reader(reader, now, observer, taken);
	bool counted = count_scheduled(reader, now, state, &passed);

	if (state == THREAD_WAITING && pressed && observer && !is_process(reader, now))
		sample_rival(reader, observer);
	if (!before || now <= before)
		return;
	if (state == THREAD_WAITING || state == THREAD_THROTTLED || !time->kept_by)
		time->kept_by = state == THREAD_THROTTLED ? THREAD_THROTTLED : THREAD_WAITING;
	if (pressed && was_pressed && counted) {
		/* A reader that ran may have taken as many as the ring has slots, and its place is the same again. */
		spend_between(reader, state, now - before, &passed, taken || passed.ran);
		return;
	}
	time->unspent.ran = least(time->unspent.ran + passed.ran, SINGLE_LOOK);
	time->unspent.waited = least(time->unspent.waited + passed.waited, SINGLE_LOOK);
	if (pressed && (alone || was_pressed))
		spend_alone(reader, state, now - before, counted);
}

static __noinline int look(struct queue_reader *reader, bool pressed, u64 observer, bool alone)
{
	struct tun_file *file = (struct tun_file *)reader->tun_file;

	if (COMPARE_EXCHANGE(&reader->time.busy, 0, 1))
		return 0; /* another CPU is at it */
	u64 now = bpf_ktime_get_ns(), before = reader->looked;
	s32 head = BPF_CORE_READ(file, tx_ring.consumer_head), former = reader->consumer_head;

	if (pressed || (reader->pressed && now - reader->pressed < RECENT))
		spend_since(reader, now, before, observer, pressed, alone, head != former);
	else
		reader->time.task = 0; /* the next full queue begins anew */
	reader->looked = now;
	reader->consumer_head = head;
	reader->was_pressed = pressed;
	if (pressed)
		reader->pressed = now;
	EXCHANGE(&reader->time.busy, 0);
	return 0;
}

/*
 * For the exit of a transmit function that dropped, once in 128 drops. Time is added only from one full ring to the
 * next, and at most every 0.5 ms; with all threads of a process to look at, every 10 ms.
 */
static __noinline int sample_reader(u64 device, u32 queue)
{
	struct tun_file *file = tun_file_at(tun_of((struct net_device *)device), queue);
	struct queue_reader *reader = file ? reader_of((u64)file) : NULL;
	u64 now = bpf_ktime_get_ns();

	if (!reader || now - reader->looked < MILLISECOND / 2)
		return 0;
	if (is_process(reader, now) && now - reader->looked < 10 * MILLISECOND)
		return 0;
	if (is_of(reader, file, device) && ring_is_full(file))
		look(reader, true, 0, false);
	return 0;
}

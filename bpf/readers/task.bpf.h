/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The state of a thread at this moment, and of all threads of a process. */
#pragma once
#include "kernel.bpf.h"

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct nsproxy {
	struct net *net_ns;
};

struct sched_info {
	unsigned long long run_delay, last_arrival, last_queued;
};

/* The run queue of a CPU. */
struct rq {
	struct task_struct *curr;
	u64 clock;
};

struct cfs_rq {
	struct rq *rq;
	int throttle_count;
};

struct sched_entity {
	u64 sum_exec_runtime;
	struct cfs_rq *cfs_rq;
};

struct thread_info {
	u32 cpu;
};

struct signal_struct {
	struct list_head thread_head;
};

struct mm_struct {
	unsigned long start_stack;
};

struct css_set;

struct task_struct {
	struct thread_info thread_info;
	refcount_t usage;
	unsigned int __state;
	int exit_state;
	int on_cpu; /* u8 from Linux 7.3 on: read as a bit-field is */
	int prio;
	unsigned long nvcsw; /* times that it went to sleep */
	int pid, tgid;
	u64 start_time, start_boottime;
	struct sched_entity se;
	struct sched_info sched_info;
	unsigned int frozen : 1; /* by its cgroup */
	bool throttled;		 /* Linux 6.18 and later */
	struct task_struct *group_leader;
	struct signal_struct *signal;
	struct list_head thread_node;
	struct nsproxy *nsproxy;
	struct mm_struct *mm;
	struct css_set *cgroups; /* of kernels with CONFIG_CGROUPS */
	char comm[16];
};

/* Before Linux 5.14. */
struct task_struct___state {
	long state;
};

/* Before Linux 5.16: later the CPU is in thread_info on every machine. */
struct task_struct___own_cpu {
	unsigned int cpu;
};

#pragma clang attribute pop

/* include/linux/sched.h */
#define TASK_STOPPED_OR_TRACED 0xc
#define TASK_DEAD	       0x80
#define TASK_WAKING	       0x200
#define TASK_FROZEN	       0x8000
#define EXIT_DEAD	       0x10 /* of exit_state: no parent waits for it any more */
#define MAX_RT_PRIO	       100

enum thread_state {
	THREAD_RUNNING,
	THREAD_WAITING, /* could run, and another has the CPU */
	THREAD_SLEEPING,
	THREAD_STOPPED,	  /* by a signal, a debugger or the freezer */
	THREAD_THROTTLED, /* its cgroup has used up its CPU time */
	THREAD_GONE,
	THREAD_UNKNOWN, /* who it is, is not known */
	THREAD_STATES,
};

static __always_inline bool is_throttled(struct task_struct *task)
{
	if (bpf_core_field_exists(task->throttled))
		return BPF_CORE_READ_BITFIELD_PROBED(task, throttled);
	if (!bpf_core_field_exists(task->se.cfs_rq->throttle_count) || BPF_CORE_READ(task, prio) < MAX_RT_PRIO)
		return false;
	return BPF_CORE_READ(task, se.cfs_rq, throttle_count) > 0;
}

static __always_inline u32 state_bits(struct task_struct *task)
{
	if (bpf_core_field_exists(task->__state))
		return BPF_CORE_READ(task, __state);
	return BPF_CORE_READ((struct task_struct___state *)task, state);
}

static __always_inline u32 cpu_of(struct task_struct *task)
{
	if (bpf_core_field_exists(task->thread_info.cpu))
		return BPF_CORE_READ(task, thread_info.cpu);
	return BPF_CORE_READ((struct task_struct___own_cpu *)task, cpu);
}

/* The reader had the CPU until the sampling thread came: both moments are one reading of the run queue's clock.
 */
static __always_inline bool gave_way_to(struct task_struct *task, struct task_struct *running)
{
	return bpf_core_field_exists(task->sched_info.last_queued) &&
	       BPF_CORE_READ(task, sched_info.last_queued) == BPF_CORE_READ(running, sched_info.last_arrival);
}

/* `observer`: the running thread where it came only to look, else NULL. */
static __always_inline enum thread_state state_of_thread(struct task_struct *task, struct task_struct *observer)
{
	u32 state = state_bits(task);
	bool on_cpu = BPF_CORE_READ_BITFIELD_PROBED(task, on_cpu);

	if (BPF_CORE_READ(task, exit_state) || state & TASK_DEAD)
		return THREAD_GONE;
	if (state & (TASK_STOPPED_OR_TRACED | TASK_FROZEN))
		return THREAD_STOPPED;
	if (on_cpu)
		return THREAD_RUNNING;
	if (!state) {
		if (is_throttled(task))
			return THREAD_THROTTLED;
		return observer && gave_way_to(task, observer) ? THREAD_RUNNING : THREAD_WAITING;
	}
	if (state & TASK_WAKING)
		return THREAD_WAITING;
	/* The freezer of cgroup2 lets a thread sleep. */
	if (bpf_core_field_exists(task->frozen) && BPF_CORE_READ_BITFIELD_PROBED(task, frozen))
		return THREAD_STOPPED;
	return THREAD_SLEEPING;
}

/*
 * The scheduler's own counts of a thread, exact without any program of ours (kernel: kernel/sched/stats.h):
 * the values of /proc/PID/task/TID/schedstat, and a wait that still lasts.
 */
struct scheduled {
	u64 ran, waited; /* ns; the running thread's `ran` is of the last tick */
};

/*
 * The run queue of the CPU that the thread is on or waits for, for every class (kernel: set_task_rq). `runqueues`
 * itself has no symbol on kernels without CONFIG_KALLSYMS_ALL.
 */
static __always_inline struct rq *run_queue_of(struct task_struct *task)
{
	if (!bpf_core_field_exists(task->se.cfs_rq->rq))
		return NULL; /* CONFIG_FAIR_GROUP_SCHED is not set */
	return BPF_CORE_READ(task, se.cfs_rq, rq);
}

static __always_inline bool counts_scheduled(void)
{
	return bpf_core_field_exists(struct cfs_rq, rq) && bpf_core_field_exists(struct sched_info, run_delay);
}

static __always_inline void add_scheduled(struct task_struct *task, struct scheduled *sum)
{
	/* Before run_delay: a wait that ends in between is then in both for one sample, and not in neither. */
	u64 queued = BPF_CORE_READ(task, sched_info.last_queued), clock = 0;

	/* last_queued is of this clock, which is as the CPU's last tick left it. */
	if (queued && run_queue_of(task))
		clock = BPF_CORE_READ(run_queue_of(task), clock);

	sum->ran += BPF_CORE_READ(task, se.sum_exec_runtime);
	sum->waited += BPF_CORE_READ(task, sched_info.run_delay) + (clock > queued ? clock - queued : 0);
}

/* The most threads of a large process that are looked at. */
#define MOST_THREADS 256

/* Lies in a map, and each turn is a call of a global function: the verifier would follow every value through the loop.
 */
struct thread_walk {
	u64 next, head, observer;
	struct scheduled scheduled; /* all of them */
	u32 threads[THREAD_STATES];
	u32 busy;
};

/* The next one. 1: there is none. */
static __always_inline int add_thread(struct thread_walk *walk)
{
	u64 entry = walk->next;
	struct task_struct *task = (void *)(entry - bpf_core_field_offset(struct task_struct, thread_node));

	if (!entry || entry == walk->head)
		return 1;
	u32 state = state_of_thread(task, (struct task_struct *)walk->observer);

	if (state < THREAD_STATES)
		walk->threads[state]++;
	add_scheduled(task, &walk->scheduled);
	walk->next = (u64)BPF_CORE_READ((struct list_head *)entry, next);
	return 0;
}

/* Not a thread whose memory is free, even if its fields are still there. */
static __always_inline bool is_thread(u64 address, u64 started)
{
	struct task_struct *task = (struct task_struct *)address;

	return address && BPF_CORE_READ(task, start_time) == started && BPF_CORE_READ(task, usage.refs.counter) > 0;
}

/* Before all threads of a process are looked at; `process` is the thread that leads it. */
static __always_inline void begin_threads(struct task_struct *process, struct thread_walk *walk)
{
	struct signal_struct *signal = BPF_CORE_READ(process, signal);

	for (u32 state = 0; state < THREAD_STATES; state++)
		walk->threads[state] = 0;
	walk->scheduled = (struct scheduled){};
	walk->next = 0;
	if (BPF_CORE_READ(process, exit_state) & EXIT_DEAD)
		return; /* and its signal_struct may be another's */
	walk->head = (u64)&signal->thread_head;
	walk->next = (u64)BPF_CORE_READ(signal, thread_head.next);
}

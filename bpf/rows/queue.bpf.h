/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Rows of counters, one for each (device, queue, CPU) that was seen, and the pool that they come from. */
#pragma once
#include "kernel.bpf.h"
#include "insertions.bpf.h"
#include "instructions.bpf.h"

/* Drop reasons: the frequent ones have a slot in each row, the others are counted beside it. */
#define REASONS 16

enum reason_slot {
	REASON_FULL_RING,   /* first, for it lies beside what each packet counts in */
	REASON_UNTRACED,    /* the kernel named no reason and the ring was not full */
	REASON_RARE,	    /* counted in rare_drops */
	REASON_FIRST_NAMED, /* from here on the agent gives slots to the kernel's names */
};

struct rare_drop_key {
	u32 row;
	u32 reason;
};

/* Kernel drop reason -> reason_slot; the agent fills it from the running kernel's BTF. */
const volatile u8 reason_slots[256];

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 4096);
	__type(key, struct rare_drop_key);
	__type(value, u64);
} rare_drops SEC(".maps");
struct insertions rare_drops_insertions;

u64 lost_reason; /* rare_drops was full: the drop counts, its reason does not show */

static __noinline int count_rare(u32 row, u32 reason)
{
	struct rare_drop_key key = {.row = row, .reason = reason};
	u64 *packets = bpf_map_lookup_elem(&rare_drops, &key), none = 0;

	if (!packets) {
		INSERT(rare_drops, &key, &none);
		packets = bpf_map_lookup_elem(&rare_drops, &key);
	}
	if (packets)
		__sync_fetch_and_add(packets, 1);
	else
		__sync_fetch_and_add(&lost_reason, 1);
	return 0;
}

static __always_inline u32 slot_of(u64 reason)
{
	u64 index = reason;

	/* Reasons of subsystems lie above bit 16. The barrier keeps one register for the bound and the use. */
	asm volatile("" : "+r"(index));
	return index < sizeof(reason_slots) ? reason_slots[index] & (REASONS - 1) : REASON_RARE;
}

#define MAX_CPUS    1024 /* of cpus; the agent refuses a host with more */
#define TABLE_SHIFT 14
#define TABLE_CELLS (1 << TABLE_SHIFT) /* of the table for each CPU: 16 for each of 1024 queues that one CPU serves */
/* The most rows, and the table behind them; the agent makes room for what the host asks for. */
#define MAX_ROWS (65536 + MAX_CPUS * TABLE_CELLS * sizeof(u32) / sizeof(struct row))

/*
 * Counters of one queue on one CPU. Only this CPU writes them, without atomics: programs on the transmit path run
 * with bottom halves off, and a program never interrupts itself. What several programs write is added atomically.
 */
struct row {
	u64 device; /* identity: written before the row is published, constant until it is recycled */
	u64 place;  /* queue in the low half, with ROW_ENDED once another device may have the address; CPU in the high
		       one */
	u32 queue;  /* number of the struct queue that all CPUs share */
	u32 sample_mask; /* packets whose number has none of these bits are looked at closely */
	u64 offered;
	u64 offered_bytes;
	union {
		u64 enqueued;	/* where the exit of each packet is seen */
		u64 dropped_at; /* else: of offered, the newest packet that found the ring full */
	};
	u64 consumed;	      /* by hooks on the reader's side; raw mode leaves it 0 and derives it */
	u64 dropped[REASONS]; /* the first lies in the cache line of all above */
	u64 bypassed;	      /* drops of packets that came past the offered probe; in dropped too */
	u64 purged;
	u64 resized;
	u64 failed;
	u64 overflowed;
	u64 unproduced;		 /* given back to the ring after they were consumed */
	u64 consumed_in_batches; /* of consumed */
	u64 sent_by_softirq;	 /* of offered: by NET_TX, which a wake or another packet's sender left them to */
	u64 device_id;		 /* kernfs node id: unlike the address and the ifindex never used twice */
};

#define ROW_ENDED   (1ULL << 31) /* no queue has such a number */
#define NO_CPU	    0xFFFFFFFF
#define SAMPLE_MASK 127 /* one packet of 128 */
#define MARK_MASK   255 /* of those every second: its way through the ring is timed, its reader's waking seen */

enum wake_cause {
	WAKE_HALF,    /* half of the ring was taken since the stop */
	WAKE_EMPTY,   /* the ring was emptied */
	WAKE_RECHECK, /* the producer that stopped it found room after all */
	WAKE_FORCED,  /* TUNSETIFF, TUNSETQUEUE or a resize */
	WAKE_DETACH,  /* a queue left and another took its index */
	WAKE_CAUSES,
};

/* Reasons for which a program that usually only counts must do more. */
enum queue_watch {
	WATCH_BURST = 1,    /* the packet before was dropped: a burst of drops ends with the next that is not */
	WATCH_EPISODE = 2,  /* the ring overflowed and was not empty since, and who takes packets is not seen */
	WATCH_FLOW = 4,	    /* it stops instead of dropping, and its wakes are seen */
	WATCH_DRAIN = 8,    /* the ring overflowed and was not empty since, for who takes packets */
	WATCH_NEAR = 16,    /* and it soon may be */
	WATCH_SLEEPER = 32, /* its reader slept when the present packet came */
	WATCH_MARK = 64,    /* a packet was marked, and who takes packets has not reckoned how far ahead it lies */
};

#define WATCH_OFFERED (WATCH_BURST | WATCH_EPISODE | WATCH_FLOW | WATCH_SLEEPER)
#define WATCH_ENTERED (WATCH_BURST | WATCH_EPISODE | WATCH_SLEEPER) /* where no exit is hooked */
#define WATCH_TAKEN   (WATCH_FLOW | WATCH_NEAR | WATCH_MARK)

#define WINDOWS 2
#define NO_SLOT 0xFFFFFFFF

/*
 * Shared by all CPUs of one queue. It is a row like any, of a CPU that does not exist, so that it is found, recycled
 * and read as rows are. Written atomically, or under the ring's consumer lock.
 */
struct queue {
	u64 device;
	u64 place;
	enum queue_watch watch; /* where a row has `queue`, hence 0 in row 0, which has no queue */
	/* Until the first mark's packet is taken, with it; 0: none is known. Beside `watch`: who takes packets loads
	 * both, and alone writes this, under the ring's lock. */
	u32 ahead;
	u64 full_ring_drops;	    /* dropped because the ring was full, on the transmit path */
	u64 burst_base;		    /* of them when the ring last took a packet */
	u32 marks_head, marks_tail; /* packets whose time in the ring is taken, in the order of their slots */
	u32 taken_head;		    /* the ring's consumer_head when a departure was last seen, else NO_SLOT */
	u32 sender;		    /* CPU that made the newest packet, plus 1 */
	u64 episode_base;	    /* of full_ring_drops when the ring was last seen empty */
	u64 episode_since;	    /* ns since boot */
	u64 episodes;		    /* of overflow that ended with an empty ring */
	u64 needed[WINDOWS];	    /* packets that the ring would have had to hold for the largest of them */
	u64 window_start;	    /* of [0]; [1] is the window before */
	u32 highwater[WINDOWS];
	u64 stopped_since; /* 0: it is not stopped */
	u64 woken_at;	   /* until the next packet */
	u64 stopped_ns;
	u64 stops, stops_inferred; /* seen; only their wakes were */
	u64 wakes[WAKE_CAUSES];
	u64 wakes_elsewhere; /* on another CPU than the sender's */
	u64 stops_ended;     /* without a wake: the device was set down or set up again */
	u32 flow_lost;	     /* a program cleared IFF_BACKPRESSURE */
	u32 wakes_lost;	     /* one was due and did not come */
	u64 due_since;	     /* the stop whose wake was due when this was written, under the ring's lock */
	u32 marking;	     /* one CPU at a time makes a mark */
	u32 waker;	     /* CPU that may wake its reader, plus 1 */
	u64 sleeper;	     /* that reader */
	u32 taken;	     /* packets, by departures */
	u32 sleeper_slept;   /* how often that reader had gone to sleep */
	u64 device_id;
};

/* An entry of the pool. */
union entry {
	struct row row;
	struct queue queue;
};

_Static_assert(sizeof(union entry) == 256, "four cache lines");
_Static_assert(__builtin_offsetof(struct row, dropped) == 56, "the drops of a full ring end the first cache line");
_Static_assert(__builtin_offsetof(struct queue, watch) == __builtin_offsetof(struct row, queue), "0 in row 0");
_Static_assert(__builtin_offsetof(struct queue, ahead) == __builtin_offsetof(struct row, sample_mask),
	       "0 in row 0 too");
_Static_assert(__builtin_offsetof(struct queue, device_id) == __builtin_offsetof(struct row, device_id),
	       "a shared row is a row");

/*
 * State that programs on one CPU leave for the next. The packet is that between the entry and the exit of the
 * transmit function: bottom halves are off between them. In the newest row of each path the next packet mostly counts.
 */
struct cpu_state {
	u64 skb;
	u32 sent_row;
	u32 reason; /* of its drop, from the tracepoint to the exit; else 0, which is no reason (SKB_NOT_DROPPED_YET) */
	u32 freed_row; /* 0 while the end of devices is not seen */
	u32 taken_row;
	u64 entered; /* by the entry without an exit: the newest packet, until its drop is seen; else it stays */
	u64 freed, freed_for; /* arguments of kfree_skb, as numbers */
	u64 reserved[2];      /* one cache line */
};

struct row_key {
	u64 device;
	u64 place;
};

/* The agent sees every device end, so that an address stands for one device; else each packet's device says its id. */
const volatile u8 ends_seen;

const volatile u32 possible_cpus = 1; /* the agent sets it */

/* Aligned: else each would lie in two lines, one of them the next CPU's too. */
struct cpu_state cpus[MAX_CPUS] __attribute__((aligned(64)));
u32 rows_fresh;		  /* rows never handed out begin here */
u64 free_head, free_tail; /* free_rows[head..tail) are recycled rows, indices modulo the pool */
/* Events that could not be counted where they belong. */
u64 lost_no_row;	/* the pool was empty */
u64 lost_ending_device; /* it has no kernfs node any more */
u64 lost_histogram;	/* histograms was full */

/*
 * Not a map of its own: what a variable costs to find is four instructions, an entry of a map fourteen. Behind the rows
 * lies the table, a cell for each CPU and hash of (device, queue): row numbers, a cache of row_index, so that a cell
 * may be lost but never lies.
 */
extern union entry rows[MAX_ROWS];

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 16384);
	__type(key, struct row_key);
	__type(value, u32);
} row_index SEC(".maps");

/* Not a QUEUE map: on 6.1 a sleepable program may use arrays, hashes and ring buffers only. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 16384);
	__type(key, u32);
	__type(value, u32);
} free_rows SEC(".maps");

/* The pool's size is set before load, by the number of CPUs, always to a power of two. */
const volatile u32 rows_mask;

/* Stands for rows_mask in the instructions: the agent replaces it there before they are loaded. A variable would cost
 * two instructions more each time. */
#define ROWS_MASK_PLACE 0x6d61736b

static __always_inline u64 masked(u64 number)
{
	asm("%0 &= %1" : "+r"(number) : "i"(ROWS_MASK_PLACE));
	return number;
}

static __always_inline struct row *row_at(u32 number)
{
	return KEPT(&rows[masked(number)].row);
}

/* This CPU's. */
static __always_inline struct cpu_state *state_of(u32 cpu)
{
	return KEPT(&cpus[cpu & (MAX_CPUS - 1)]);
}

/* The shared row of a queue, by its number. */
static __always_inline struct queue *queue_at(u32 number)
{
	return KEPT(&rows[masked(number)].queue);
}

/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Distributions of what is sampled or rare, by queue. */
#pragma once
#include "rows/queue.bpf.h"

enum histogram_kind {
	HISTOGRAM_OCCUPANCY, /* packets in the ring when one arrived */
	HISTOGRAM_SOJOURN,   /* ns in the ring */
	HISTOGRAM_BURST,     /* packets dropped in a row */
	HISTOGRAM_STOPPED,   /* ns */
	HISTOGRAM_RESUME,    /* ns from a wake to the next packet */
	/* Episodes of overflow by what each dropped, in half octaves: */
	HISTOGRAM_EPISODE,	 /* episodes */
	HISTOGRAM_EPISODE_DROPS, /* what they dropped */
};

#define HISTOGRAM_BUCKETS 40 /* number n: values of n bits */

struct histogram_key {
	u32 queue; /* number of its shared row */
	enum histogram_kind kind;
};

struct histogram {
	u64 sum;
	u64 buckets[HISTOGRAM_BUCKETS];
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 24576);
	__type(key, struct histogram_key);
	__type(value, struct histogram);
} histograms SEC(".maps");
struct insertions histograms_insertions;

/* An entry as large as that has no room on the stack. */
static const struct histogram empty_histogram;

/* Not static, like others that take numbers only: the verifier then looks at it once and not at each call. */
__noinline u32 bits_of(u64 value)
{
	u32 bits = 0;

	for (u32 step = 32; step; step >>= 1) {
		if (value >> step) {
			value >>= step;
			bits += step;
		}
	}
	return bits + (value != 0);
}

static __always_inline int add_to_bucket(u32 queue, u32 kind, u32 bucket, u64 weight, u64 value)
{
	struct histogram_key key = {.queue = queue, .kind = kind};
	struct histogram *histogram = bpf_map_lookup_elem(&histograms, &key);

	if (!queue)
		return 0;
	if (!histogram) {
		INSERT(histograms, &key, &empty_histogram);
		histogram = bpf_map_lookup_elem(&histograms, &key);
	}
	if (!histogram) {
		__sync_fetch_and_add(&lost_histogram, 1);
		return 0;
	}
	__sync_fetch_and_add(&histogram->sum, value);
	u64 index = bucket;

	/* Keeps one register for the bound and the use. */
	asm volatile("" : "+r"(index));
	if (index > HISTOGRAM_BUCKETS - 1)
		index = HISTOGRAM_BUCKETS - 1;
	__sync_fetch_and_add(&histogram->buckets[index], weight);
	return 0;
}

__noinline int observe(u32 queue, u32 kind, u64 value)
{
	return add_to_bucket(queue, kind, bits_of(value), 1, value);
}

/* Bucket 2n: values of n bits whose second bit is 0; 2n + 1: whose second bit is 1. */
static __always_inline u32 half_octave_of(u64 value)
{
	u32 bits = bits_of(value);

	return bits < 2 ? 2 * bits : 2 * bits + (value >> (bits - 2) & 1);
}

/* How many episodes dropped about as much, and how much that was together: so a larger ring's losses are known. */
__noinline int observe_episode(u32 queue, u64 dropped)
{
	u32 bucket = half_octave_of(dropped);

	add_to_bucket(queue, HISTOGRAM_EPISODE, bucket, 1, dropped);
	return add_to_bucket(queue, HISTOGRAM_EPISODE_DROPS, bucket, dropped, dropped);
}

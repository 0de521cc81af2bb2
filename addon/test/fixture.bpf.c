// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* A little of everything that the addon handles, for its tests: it measures nothing. */

#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include "shape.h"

#define RECORDS_MAX 1024
/* A power of two: the verifier understands a mask. */
#define RECORD_SIZE_END 256
#define PAD_SIZE	4096

struct bpf_map {
	__u32 id;
} __attribute__((preserve_access_index));

struct bpf_iter_meta {
	struct seq_file *seq;
} __attribute__((preserve_access_index));

struct bpf_iter__bpf_map {
	struct bpf_iter_meta *meta;
	struct bpf_map *map;
} __attribute__((preserve_access_index));

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 3);
	__type(key, __u32);
	__type(value, __u64);
} counts SEC(".maps");

/* The map's values take 16 bytes each in memory. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 2);
	__type(key, __u32);
	__type(value, char[12]);
} odd SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1000);
	__type(key, __u32);
	__type(value, __u64);
} pairs SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 2);
	__type(key, __u32);
	__type(value, __u32);
} percpu SEC(".maps");

/* Knows no batches. */
struct {
	__uint(type, BPF_MAP_TYPE_DEVMAP_HASH);
	__uint(max_entries, 8);
	__type(key, __u32);
	__type(value, __u32);
} devices SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 4096);
} events SEC(".maps");

const volatile __u64 knob = 5;
const volatile __u8 letters[4] = "abc";

__u64 calls;
__u64 lost;
struct shape shape = {.colour = GREEN};

SEC("raw_tp/sys_enter")
int count_calls(void *ctx)
{
	__u32 key = 1;
	__u64 *count = bpf_map_lookup_elem(&counts, &key);

	__sync_fetch_and_add(&calls, 1);
	if (count)
		__sync_fetch_and_add(count, 1);
	return 0;
}

struct request {
	__u32 records;
	__u32 size;
	__u64 knob;
};

/* Answers with the knob; -3 tells that the sign comes through. */
SEC("syscall")
int answer(struct request *request)
{
	request->knob = knob + letters[0];
	return -3;
}

/* Writes numbered records of one size to the ring, and counts those that found no room. */
SEC("syscall")
int produce(struct request *request)
{
	static char record[RECORD_SIZE_END];
	__u32 size = request->size & (RECORD_SIZE_END - 1);

	for (__u32 i = 0; i < RECORDS_MAX; i++) {
		if (i >= request->records)
			break;
		record[0] = i;
		if (bpf_ringbuf_output(&events, record, size, BPF_RB_NO_WAKEUP))
			__sync_fetch_and_add(&lost, 1);
	}
	return 0;
}

/* Starts each page with the number of a map, more than one read() can hold. */
SEC("iter/bpf_map")
int list_maps(struct bpf_iter__bpf_map *ctx)
{
	static const char pad[PAD_SIZE - sizeof(__u32)];

	/* Asked anew, the verifier would take it for a null again. */
	struct bpf_map *map = ctx->map;
	if (!map)
		return 0;
	__u32 id = map->id;

	bpf_seq_write(ctx->meta->seq, &id, sizeof(id));
	bpf_seq_write(ctx->meta->seq, pad, sizeof(pad));
	return 0;
}

/* The verifier must refuse this: the value may be missing (of an array it would know better). */
SEC("?raw_tp/sys_exit")
int refused(void *ctx)
{
	__u32 key = 0;
	__u64 *count = bpf_map_lookup_elem(&pairs, &key);

	*count = 1;
	return 0;
}

SEC("?raw_tp/tapscope_no_such_tracepoint")
int homeless(void *ctx)
{
	return 0;
}

SEC("?fentry/tapscope_no_such_function")
int rootless(void *ctx)
{
	return 0;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";

/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Programs that the agent runs, each with a request in which it also answers. Syscall programs came with Linux 5.14.
 * Before it the agent runs a raw tracepoint's program, NAME_unattached, which is attached to none: its request lies in
 * a map.
 */
#pragma once
#include "kernel.bpf.h"

struct request {
	u8 bytes[512];
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, struct request);
} requests SEC(".maps");

#define ON_REQUEST(name, type) PROGRAM_ON_REQUEST("", name, type)
/* Loaded when its module is there. */
#define ON_REQUEST_LATER(name, type) PROGRAM_ON_REQUEST("?", name, type)

#define PROGRAM_ON_REQUEST(later, name, type)                                                                          \
	static __always_inline int do_##name(type *request);                                                           \
	SEC(later "syscall") int name(type *request)                                                                   \
	{                                                                                                              \
		return do_##name(request);                                                                             \
	}                                                                                                              \
	_Static_assert(sizeof(type) <= sizeof(struct request), "room for a request");                                  \
	SEC("?raw_tp") int name##_unattached(void *unused)                                                             \
	{                                                                                                              \
		u32 zero = 0;                                                                                          \
		type *request = bpf_map_lookup_elem(&requests, &zero);                                                 \
		return request ? do_##name(request) : 0;                                                               \
	}                                                                                                              \
	static __always_inline int do_##name(type *request)

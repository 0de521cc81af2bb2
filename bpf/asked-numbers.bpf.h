/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Which devices a question may be about, by the low bits of their ifindex: a look here is much cheaper than one in a
 * hash, and most packets of the host are of none of them. */
#pragma once
#include "kernel.bpf.h"

#define NUMBERS 256

/* By 2 * low bits + 1 if it is about what the device sends. 1: some device has these low bits; it stays for the life of
 * the object, that of one question. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 2 * NUMBERS);
	__type(key, u32);
	__type(value, u32);
} asked_numbers SEC(".maps");

static __always_inline bool may_be_asked(u32 ifindex, bool is_sent)
{
	u32 place = 2 * (ifindex % NUMBERS) + is_sent;
	u32 *is_known = bpf_map_lookup_elem(&asked_numbers, &place);

	return is_known && *is_known;
}

/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Addresses of the functions that free packets of tun and tap: up to CLASS_MACVTAP. What is freed elsewhere is not
 * theirs. */
#pragma once
#include "drops/location.bpf.h"
#include "macvtap.bpf.h"

/* The text from the first to the last of them. Modules may come later: each walk looks again. */
struct {
	u64 start, length;
} own_text = {.length = -1ULL}; /* everything, until the first walk */

struct found_text {
	u64 own_start, own_end, macvtap_start, macvtap_end;
} found_text;

/* Global, for the verifier would follow each way through each turn of the loop. */
__noinline int find_in_range(u32 index)
{
	struct found_text *found = &found_text;
	struct text_range *range = bpf_map_lookup_elem(&text_ranges, &index);

	if (!range || !range->length || range->class >= CLASS_RECEIVE)
		return 0;
	u64 start = range->start, end = start + range->length;

	if (start < found->own_start)
		found->own_start = start;
	if (end > found->own_end)
		found->own_end = end;
	if (range->class != CLASS_MACVTAP)
		return 0;
	if (start < found->macvtap_start)
		found->macvtap_start = start;
	if (end > found->macvtap_end)
		found->macvtap_end = end;
	return 0;
}

static __always_inline u64 length_of(u64 start, u64 end)
{
	return end > start ? end - start : 0;
}

static __always_inline void find_own_text(void)
{
	found_text.own_start = found_text.macvtap_start = -1ULL;
	found_text.own_end = found_text.macvtap_end = 0;
	for (u32 index = 0; index < RANGES; index++)
		find_in_range(index);
	own_text.start = found_text.own_start;
	own_text.length = length_of(found_text.own_start, found_text.own_end);
	macvtap_start = found_text.macvtap_start;
	macvtap_length = length_of(found_text.macvtap_start, found_text.macvtap_end);
}

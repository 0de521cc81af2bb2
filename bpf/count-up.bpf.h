/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Hashes of numbers: one more of the key. In a full hash a key that is new is not counted. */
#pragma once
#include "kernel.bpf.h"

/* NULL: it is there now; else what another CPU, which met the new key at the same moment, has put there. */
static __always_inline void *put_or_find(void *hash, const void *key, const void *first)
{
	return bpf_map_update_elem(hash, key, first, BPF_NOEXIST) ? bpf_map_lookup_elem(hash, key) : NULL;
}

static __always_inline void count_up(void *hash, const void *key)
{
	u64 *known = bpf_map_lookup_elem(hash, key), one = 1;

	if (!known)
		known = put_or_find(hash, key, &one);
	if (known)
		__sync_fetch_and_add(known, 1);
}

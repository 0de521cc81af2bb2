/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Hashes of numbers: one more of the key. In a full hash a key that is new is not counted. */
#pragma once
#include "kernel.bpf.h"

static __always_inline void count_up(void *hash, const void *key)
{
	u64 *known = bpf_map_lookup_elem(hash, key), one = 1;

	if (!known) {
		if (!bpf_map_update_elem(hash, key, &one, BPF_NOEXIST))
			return;
		/* Another CPU met the new key at the same moment. */
		known = bpf_map_lookup_elem(hash, key);
	}
	if (known)
		__sync_fetch_and_add(known, 1);
}

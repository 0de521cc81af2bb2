/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Atomic operations that give a value back, or set and clear bits, came with Linux 5.12. On older kernels two CPUs may
 * lose one of two such changes at the same moment: a sign of a burst or of an episode. Counters are only added to,
 * which every kernel does atomically. For such a kernel the agent replaces these instructions by one that a verifier
 * refuses where it reaches it (src/kernel/older/atomics.ts).
 */
#pragma once
#include "kernel.bpf.h"

/* No type says which atomic operations there are. This helper came one release later, with Linux 5.13. */
#define HAS_ATOMICS bpf_core_enum_value_exists(enum bpf_func_id, BPF_FUNC_for_each_map_elem)

#define EXCHANGE(place, value)                                                                                         \
	({                                                                                                             \
		typeof(*(place)) former;                                                                               \
		if (HAS_ATOMICS) {                                                                                     \
			former = __sync_lock_test_and_set((place), (value));                                           \
		} else {                                                                                               \
			former = *(volatile typeof(*(place)) *)(place);                                                \
			*(volatile typeof(*(place)) *)(place) = (value);                                               \
		}                                                                                                      \
		former;                                                                                                \
	})

/* Gives what was there; the value is there now if that was `expected`. */
#define COMPARE_EXCHANGE(place, expected, value)                                                                       \
	({                                                                                                             \
		typeof(*(place)) found, wanted = (expected);                                                           \
		if (HAS_ATOMICS) {                                                                                     \
			found = __sync_val_compare_and_swap((place), wanted, (value));                                 \
		} else {                                                                                               \
			found = *(volatile typeof(*(place)) *)(place);                                                 \
			if (found == wanted)                                                                           \
				*(volatile typeof(*(place)) *)(place) = (value);                                       \
		}                                                                                                      \
		found;                                                                                                 \
	})

#define SET_BITS(place, bits)                                                                                          \
	do {                                                                                                           \
		if (HAS_ATOMICS)                                                                                       \
			__sync_fetch_and_or((place), (bits));                                                          \
		else                                                                                                   \
			*(volatile typeof(*(place)) *)(place) |= (bits);                                               \
	} while (0)

#define CLEAR_BITS(place, bits)                                                                                        \
	do {                                                                                                           \
		if (HAS_ATOMICS)                                                                                       \
			__sync_fetch_and_and((place), ~(bits));                                                        \
		else                                                                                                   \
			*(volatile typeof(*(place)) *)(place) &= ~(bits);                                              \
	} while (0)

/* Clears the bits, and gives those of them that were set. */
#define TAKE_BITS(place, bits)                                                                                         \
	({                                                                                                             \
		typeof(*(place)) former;                                                                               \
		if (HAS_ATOMICS) {                                                                                     \
			former = __sync_fetch_and_and((place), ~(bits));                                               \
		} else {                                                                                               \
			former = *(volatile typeof(*(place)) *)(place);                                                \
			*(volatile typeof(*(place)) *)(place) = former & ~(bits);                                      \
		}                                                                                                      \
		former &(bits);                                                                                        \
	})

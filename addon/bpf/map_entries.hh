// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <bpf/libbpf.h>

#include <cstddef>
#include <cstdint>
#include <span>

/** A map's entries, and the room to copy them to. */
struct MapEntries {
	int fd;
	size_t keySize;
	/** The size that copySize() gives. */
	size_t valueSize;
	std::span<uint8_t> keys;
	std::span<uint8_t> values;
};

/**
 * Bytes that the kernel copies for one value: of a per-CPU map one for each possible CPU, at multiples of 8. A negative
 * errno: the CPUs cannot be counted.
 */
int64_t copySize(const bpf_map *map);

/** Copies every entry; returns their number, -ENOSPC if they do not all fit, or another negative errno. */
int64_t readEntries(const MapEntries &entries);

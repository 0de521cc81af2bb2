// SPDX-License-Identifier: Apache-2.0
#include "bpf/map_entries.hh"

#include <bpf/bpf.h>

#include <algorithm>
#include <cerrno>
#include <vector>

namespace
{

size_t capacityOf(const MapEntries &entries)
{
	const size_t keys = entries.keySize ? entries.keys.size() / entries.keySize : 0;
	const size_t values = entries.valueSize ? entries.values.size() / entries.valueSize : 0;
	return std::min({keys, values, static_cast<size_t>(UINT32_MAX)});
}

/** One entry at a time, for map types and kernels without batches. */
int64_t readOneByOne(const MapEntries &entries)
{
	const size_t capacity = capacityOf(entries);
	std::vector<uint8_t> key(entries.keySize), next(entries.keySize), value(entries.valueSize);
	const void *previous = nullptr;
	size_t count = 0;
	while (!bpf_map_get_next_key(entries.fd, previous, next.data())) {
		key = next;
		previous = key.data();
		if (const int error = bpf_map_lookup_elem(entries.fd, key.data(), value.data())) {
			if (error == -ENOENT) // removed since its key was read
				continue;
			return error;
		}
		if (count == capacity)
			return -ENOSPC;
		std::ranges::copy(key, entries.keys.begin() + static_cast<ptrdiff_t>(count * entries.keySize));
		std::ranges::copy(value, entries.values.begin() + static_cast<ptrdiff_t>(count * entries.valueSize));
		count++;
	}
	return errno == ENOENT ? static_cast<int64_t>(count) : -errno;
}

} // namespace

int64_t copySize(const bpf_map *map)
{
	const int64_t size = bpf_map__value_size(map);
	switch (bpf_map__type(map)) {
	case BPF_MAP_TYPE_PERCPU_ARRAY:
	case BPF_MAP_TYPE_PERCPU_HASH:
	case BPF_MAP_TYPE_LRU_PERCPU_HASH:
	case BPF_MAP_TYPE_PERCPU_CGROUP_STORAGE: {
		const int cpus = libbpf_num_possible_cpus();
		return cpus < 0 ? cpus : (size + 7) / 8 * 8 * cpus;
	}
	default:
		return size;
	}
}

int64_t readEntries(const MapEntries &entries)
{
	const size_t capacity = capacityOf(entries);
	// The kernel's place in a hash map is a bucket number, in other maps a key.
	std::vector<uint8_t> place(std::max(entries.keySize, sizeof(uint32_t)));
	std::vector<uint8_t> spareKey(entries.keySize), spareValue(entries.valueSize);
	size_t done = 0;
	for (bool first = true;; first = false) {
		// When no room is left, one spare entry tells whether there are more.
		const bool full = done == capacity;
		auto count = static_cast<__u32>(full ? 1 : capacity - done);
		void *keys = full ? spareKey.data() : entries.keys.data() + done * entries.keySize;
		void *values = full ? spareValue.data() : entries.values.data() + done * entries.valueSize;
		const int error = bpf_map_lookup_batch(entries.fd, first ? nullptr : place.data(), place.data(), keys,
						       values, &count, nullptr);
		if (first && error && error != -ENOENT && error != -ENOSPC && error != -EPERM)
			return readOneByOne(entries);
		if (error && error != -ENOENT)
			return error;
		if (full && count)
			return -ENOSPC;
		done += count;
		if (error == -ENOENT)
			return static_cast<int64_t>(done);
	}
}

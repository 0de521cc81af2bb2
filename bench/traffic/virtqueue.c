// SPDX-License-Identifier: Apache-2.0
#include "virtqueue.h"

#include <stdlib.h>
#include <sys/eventfd.h>

enum { ALIGNMENT = 64 };

static void *zeroed(size_t size)
{
	size_t whole = (size + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
	uint8_t *memory = aligned_alloc(ALIGNMENT, whole);

	for (size_t i = 0; memory && i < whole; i++)
		memory[i] = 0;
	return memory;
}

bool virtqueue_make(struct virtqueue *ring, unsigned int entries, uint8_t *buffers, size_t buffer_size)
{
	*ring = (struct virtqueue){.entries = entries, .free_entries = entries};
	ring->descriptors = zeroed(entries * sizeof(*ring->descriptors));
	ring->available = zeroed(sizeof(*ring->available) + (entries + 1) * sizeof(uint16_t));
	ring->used = zeroed(sizeof(*ring->used) + entries * sizeof(vring_used_elem_t) + sizeof(uint16_t));
	ring->free = zeroed(entries * sizeof(*ring->free));
	if (!ring->descriptors || !ring->available || !ring->used || !ring->free) {
		virtqueue_free(ring);
		return false;
	}
	for (unsigned int i = 0; i < entries; i++) {
		ring->descriptors[i].addr = (uintptr_t)buffers + i * buffer_size;
		ring->free[i] = i;
	}
	return true;
}

void virtqueue_free(struct virtqueue *ring)
{
	free(ring->descriptors);
	free(ring->available);
	free(ring->used);
	free(ring->free);
	*ring = (struct virtqueue){.entries = 0};
}

static uint16_t nth_free(const struct virtqueue *ring, unsigned int nth)
{
	return ring->free[ring->free_entries - 1 - nth];
}

struct vring_desc *virtqueue_take(struct virtqueue *ring, unsigned int nth)
{
	return &ring->descriptors[nth_free(ring, nth)];
}

void virtqueue_post(struct virtqueue *ring, unsigned int count, int kick)
{
	uint16_t index = ring->available->idx;

	for (unsigned int i = 0; i < count; i++)
		ring->available->ring[(uint16_t)(index + i) % ring->entries] = nth_free(ring, i);
	ring->free_entries -= count;
	ring->posted += count;
	__atomic_store_n(&ring->available->idx, (uint16_t)(index + count), __ATOMIC_RELEASE);
	__atomic_thread_fence(
		__ATOMIC_SEQ_CST); /* vhost publishes its wish, then looks at idx; we the other way round */
	if (__atomic_load_n(&ring->used->flags, __ATOMIC_RELAXED) & VRING_USED_F_NO_NOTIFY)
		return;
	ring->kicks++;
	eventfd_write(kick, 1);
}

bool virtqueue_reap(struct virtqueue *ring, uint32_t *bytes)
{
	const vring_used_elem_t *element = &ring->used->ring[ring->reaped % ring->entries];

	if (ring->reaped == __atomic_load_n(&ring->used->idx, __ATOMIC_ACQUIRE))
		return false;
	*bytes = element->len;
	ring->free[ring->free_entries++] = element->id;
	ring->reaped++;
	return true;
}

void virtqueue_want_calls(struct virtqueue *ring, bool wanted)
{
	__atomic_store_n(&ring->available->flags, wanted ? 0 : VRING_AVAIL_F_NO_INTERRUPT, __ATOMIC_RELAXED);
	__atomic_thread_fence(__ATOMIC_SEQ_CST); /* what was used before the wish is looked for after it */
}

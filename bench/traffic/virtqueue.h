// SPDX-License-Identifier: Apache-2.0
// A split virtqueue from the guest's side: buffers are posted, and come back used. One buffer a descriptor.
#ifndef VIRTQUEUE_H
#define VIRTQUEUE_H

#include <linux/virtio_ring.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct virtqueue {
	unsigned int entries; /* a power of two */
	struct vring_desc *descriptors;
	vring_avail_t *available;
	vring_used_t *used;
	uint16_t *free; /* descriptors that are not posted; the last is taken first */
	unsigned int free_entries;
	uint16_t reaped; /* index of the next used entry to look at */
	uint64_t posted, kicks;
};

/* buffers: entries × buffer_size bytes. false: no memory. */
bool virtqueue_make(struct virtqueue *ring, unsigned int entries, uint8_t *buffers, size_t buffer_size);
void virtqueue_free(struct virtqueue *ring);

/* A free buffer, nth < free_entries, to be filled before it is posted. */
struct vring_desc *virtqueue_take(struct virtqueue *ring, unsigned int nth);

/* Posts the buffers taken as the 0th to the count-1st, and kicks if vhost asks for it. */
void virtqueue_post(struct virtqueue *ring, unsigned int count, int kick);

/* One buffer that vhost has used, with its bytes; false: there is none. */
bool virtqueue_reap(struct virtqueue *ring, uint32_t *bytes);

/* Whether vhost is to signal the call eventfd when it has used buffers. */
void virtqueue_want_calls(struct virtqueue *ring, bool wanted);

#endif

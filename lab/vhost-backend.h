// SPDX-License-Identifier: Apache-2.0
// vhost-net without a guest: the caller's memory plays it.
#ifndef VHOST_BACKEND_H
#define VHOST_BACKEND_H

#include <linux/virtio_ring.h>
#include <stddef.h>

/* Bytes of virtio-net header before each frame. */
enum { VHOST_HEADER = 12 };

struct vhost_guest {
	struct vring_desc *descriptors;
	void *available, *used;
	unsigned int entries; /* of each of the three, a power of two */
	void *memory;	      /* where its buffers lie */
	size_t memory_size;
};

/*
 * Hands the tap's queue to vhost-net, as the one on which the guest receives. NULL, and then *vhost is the descriptor
 * and *kick the eventfd that says that buffers were posted; else what was refused, with errno.
 */
const char *connect_vhost(const struct vhost_guest *guest, int queue, int *vhost, int *kick);

#endif

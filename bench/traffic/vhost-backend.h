// SPDX-License-Identifier: Apache-2.0
// vhost-net without a guest: the caller's memory plays it.
#ifndef VHOST_BACKEND_H
#define VHOST_BACKEND_H

#include <linux/virtio_ring.h>
#include <stddef.h>

/* Bytes of virtio-net header before each frame. */
enum { VHOST_HEADER = 12 };

struct vhost_ring {
	struct vring_desc *descriptors;
	void *available, *used;
	unsigned int entries; /* entries of each of the three, a power of two */
	int call;	      /* eventfd that vhost signals when it has used buffers; 0: none */
};

struct vhost_guest {
	struct vhost_ring receives, sends; /* one without entries is not connected */
	void *memory;			   /* where its buffers lie */
	size_t memory_size;
};

/* Eventfds that say that buffers were posted; -1 of a ring that is not connected. */
struct vhost_kicks {
	int receives, sends;
};

/* Hands the tap's queue to vhost-net. NULL, and then *vhost is the descriptor; else what was refused, with errno. */
const char *connect_vhost(const struct vhost_guest *guest, int queue, int *vhost, struct vhost_kicks *kicks);

/* Takes the queue away from vhost-net, which gives back what it holds, and closes the descriptors. Zero or errno. */
int disconnect_vhost(int vhost, struct vhost_kicks *kicks);

#endif

// SPDX-License-Identifier: Apache-2.0
// The virtio-net guest that is played on one queue: what the files of its commands share.
#ifndef GUEST_H
#define GUEST_H

#include "traffic.h"
#include "vhost-backend.h"
#include "virtqueue.h"

struct guest {
	int vhost, call; /* call: an eventfd, readable when vhost has used buffers of `receives` */
	struct vhost_kicks kicks;
	struct virtqueue receives, sends;
	uint8_t *memory;
	size_t memory_size, buffer_size;
	struct receiver *receiver; /* a thread that owns `receives` while it runs */
	uint64_t packets, bytes;   /* received, without headers */
	uint64_t sent;		   /* frames whose buffers came back */
};

/* The queue's guest; NULL: the queue is unknown or has none. */
struct guest *find_guest(const char *id);

/* Takes back what vhost has filled, and counts it. */
void guest_reap(struct guest *guest);

/* Posts so many buffers to receive into, or as many as are free. */
unsigned int guest_post(struct guest *guest, uint64_t count);

#endif

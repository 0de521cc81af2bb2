// SPDX-License-Identifier: Apache-2.0
// Virtio-net guests without a guest: each is connected to the real vhost-net on one queue, posts buffers when it is
// told, and goes.
#define _GNU_SOURCE
#include "guest.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

enum { ENTRIES = 256, BUFFER = 2048 };

struct guest *find_guest(const char *id)
{
	struct queue *queue = find_queue(id);

	return queue ? queue->guest : NULL;
}

static bool make_rings(struct guest *guest, unsigned int entries)
{
	size_t half = entries * guest->buffer_size;

	guest->memory_size = 2 * half;
	guest->memory = mmap(NULL, guest->memory_size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	return guest->memory != MAP_FAILED &&
	       virtqueue_make(&guest->receives, entries, guest->memory, guest->buffer_size) &&
	       virtqueue_make(&guest->sends, entries, guest->memory + half, guest->buffer_size);
}

static void free_guest(struct guest *guest)
{
	if (guest->memory && guest->memory != MAP_FAILED)
		munmap(guest->memory, guest->memory_size);
	virtqueue_free(&guest->receives);
	virtqueue_free(&guest->sends);
	close(guest->call);
	free(guest);
}

static int connect_guest(struct guest *guest, int queue)
{
	const struct virtqueue *in = &guest->receives, *out = &guest->sends;
	const struct vhost_guest vhost = {
		.receives = {in->descriptors, in->available, in->used, in->entries, guest->call},
		.sends = {out->descriptors, out->available, out->used, out->entries, 0},
		.memory = guest->memory,
		.memory_size = guest->memory_size,
	};

	return connect_vhost(&vhost, queue, &guest->vhost, &guest->kicks) ? -errno : 0;
}

/* The header of a queue without one would be part of the frame: such a queue takes no guest. */
int guest_come(int argc, char **argv, struct answer *out)
{
	struct queue *queue = find_queue(argv[1]);
	long entries = option(argc, argv, "entries", ENTRIES);
	struct guest *guest;
	int error;

	(void)out;
	if (!queue || !queue->header || queue->guest || entries < 1 || entries > 32768 || entries & (entries - 1))
		return -EINVAL;
	guest = calloc(1, sizeof(*guest));
	if (!guest)
		return -ENOMEM;
	guest->buffer_size = option(argc, argv, "buffer", BUFFER);
	guest->call = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	error = make_rings(guest, entries) ? connect_guest(guest, queue->fd) : -ENOMEM;
	if (error) {
		free_guest(guest);
		return error;
	}
	virtqueue_want_calls(&guest->sends, false);
	queue->header = VHOST_HEADER;
	queue->guest = guest;
	return 0;
}

void guest_reap(struct guest *guest)
{
	uint32_t bytes;

	while (virtqueue_reap(&guest->receives, &bytes)) {
		guest->packets++;
		guest->bytes += bytes - VHOST_HEADER;
	}
}

unsigned int guest_post(struct guest *guest, uint64_t count)
{
	struct virtqueue *ring = &guest->receives;
	unsigned int posted = count < ring->free_entries ? count : ring->free_entries;

	for (unsigned int i = 0; i < posted; i++) {
		struct vring_desc *buffer = virtqueue_take(ring, i);

		buffer->len = guest->buffer_size;
		buffer->flags = VRING_DESC_F_WRITE;
	}
	if (posted)
		virtqueue_post(ring, posted, guest->kicks.receives);
	return posted;
}

static void answer_received(const struct guest *guest, struct answer *out)
{
	answer_count(out, "packets", guest->packets);
	answer_count(out, "bytes", guest->bytes);
	answer_count(out, "posted", guest->receives.posted);
}

int guest_received(int argc, char **argv, struct answer *out)
{
	struct guest *guest = find_guest(argv[1]);

	(void)argc;
	if (!guest || guest->receiver)
		return guest ? -EBUSY : -ENOENT;
	guest_reap(guest);
	answer_received(guest, out);
	return 0;
}

int guest_offer(int argc, char **argv, struct answer *out)
{
	struct guest *guest = find_guest(argv[1]);
	uint64_t wanted = strtoull(argv[2], NULL, 10);

	(void)argc, (void)out;
	if (!guest || guest->receiver)
		return guest ? -EBUSY : -ENOENT;
	guest_reap(guest);
	return guest_post(guest, wanted) == wanted ? 0 : -ENOBUFS;
}

int guest_go(int argc, char **argv, struct answer *out)
{
	struct guest *guest = find_guest(argv[1]);
	int error;

	(void)argc;
	if (!guest || guest->receiver)
		return guest ? -EBUSY : -ENOENT;
	error = -disconnect_vhost(guest->vhost, &guest->kicks);
	guest_reap(guest);
	answer_received(guest, out);
	free_guest(guest);
	find_queue(argv[1])->guest = NULL;
	return error;
}

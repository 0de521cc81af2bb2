// SPDX-License-Identifier: Apache-2.0
// Guest to host: frames in batches, one kick each, until vhost has given their buffers back.
#include "guest.h"

#include <errno.h>
#include <linux/virtio_net.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

static void reap_sent(struct guest *guest)
{
	uint32_t bytes;

	while (virtqueue_reap(&guest->sends, &bytes))
		guest->sent++;
}

/* vhost gives a buffer back when it was copied; one that was not, when the last who has the packet lets go of it. */
static bool wait_for_free(struct guest *guest, unsigned int wanted, double deadline)
{
	for (;;) {
		reap_sent(guest);
		if (guest->sends.free_entries >= wanted)
			return true;
		if (seconds_now() > deadline)
			return false;
		poll(NULL, 0, 1);
	}
}

struct message {
	const uint8_t *frame;
	size_t size;
	uint8_t segmentation;
};

static void write_message(const struct message *message, const struct vring_desc *buffer)
{
	uint8_t *bytes = (uint8_t *)(uintptr_t)buffer->addr;

	memset(bytes, 0, VHOST_HEADER);
	((struct virtio_net_hdr *)bytes)->gso_type = message->segmentation;
	memcpy(bytes + VHOST_HEADER, message->frame, message->size);
}

/* Into all buffers at once, so that the guest's own copying does not hide what vhost's costs. False: some are out. */
static bool write_all(struct guest *guest, const struct message *message)
{
	if (guest->sends.free_entries < guest->sends.entries)
		return false;
	for (unsigned int i = 0; i < guest->sends.entries; i++)
		write_message(message, virtqueue_take(&guest->sends, i));
	return true;
}

static void post_batch(struct guest *guest, unsigned int batch, const struct message *message, bool written)
{
	for (unsigned int i = 0; i < batch; i++) {
		struct vring_desc *buffer = virtqueue_take(&guest->sends, i);

		if (!written)
			write_message(message, buffer);
		buffer->len = VHOST_HEADER + message->size;
		buffer->flags = 0;
	}
	virtqueue_post(&guest->sends, batch, guest->kicks.sends);
}

int guest_send(int argc, char **argv, struct answer *out)
{
	/* A bridge floods it to its other ports, and does not take it itself. */
	static const uint8_t unknown[6] = {0x02, 0, 0, 0, 0, 0x99};
	static uint8_t frame[65536];
	struct queue *queue = find_queue(argv[1]);
	struct guest *guest = queue ? queue->guest : NULL;
	uint64_t count = strtoull(argv[2], NULL, 10), posted = 0;
	size_t size = strtoul(argv[3], NULL, 10);
	uint64_t batch = option(argc, argv, "batch", 32);
	uint8_t segmentation = has_word(argc - 4, argv + 4, "badheader") ? UNKNOWN_GSO : VIRTIO_NET_HDR_GSO_NONE;
	const struct message message = {frame, size, segmentation};
	double start, deadline, end;
	double ran;
	bool written;

	if (!guest)
		return -ENOENT;
	if (batch < 1 || batch > guest->sends.entries || VHOST_HEADER + size > guest->buffer_size)
		return -EINVAL;
	if (!build_frame(frame, size, queue->ethernet))
		return -EINVAL;
	if (has_word(argc - 4, argv + 4, "unicast"))
		memcpy(frame, unknown, sizeof(unknown));
	written = write_all(guest, &message);
	/* Filling many large buffers may take longer than sending them. */
	ran = seconds_run();
	start = seconds_now();
	deadline = start + option(argc, argv, "wait", 30000) * 1e-3;
	end = start + option(argc, argv, "for", 30000) * 1e-3;
	while (posted < count && seconds_now() < end) {
		unsigned int now = count - posted < batch ? count - posted : batch;

		if (!wait_for_free(guest, now, deadline))
			break;
		post_batch(guest, now, &message, written);
		posted += now;
	}
	wait_for_free(guest, guest->sends.entries, deadline);
	answer_count(out, "posted", posted);
	answer_count(out, "outstanding", guest->sends.entries - guest->sends.free_entries);
	answer_count(out, "kicks", guest->sends.kicks);
	answer_count(out, "ran", (uint64_t)((seconds_run() - ran) * 1e6));
	answer_count(out, "microseconds", (uint64_t)((seconds_now() - start) * 1e6));
	return 0;
}

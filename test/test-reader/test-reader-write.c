// SPDX-License-Identifier: Apache-2.0
// The test reader writes to its queues, guest to host: what tun takes, and what it refuses for one reason or another.
#include "test-reader.h"

#include <errno.h>
#include <linux/if_tun.h>
#include <linux/virtio_net.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

void write_frames(const struct queue *queue, const struct iovec parts[2], uint64_t count, uint8_t *varied,
		  uint64_t values, struct answer *out)
{
	struct tally errors = {.used = 0};
	uint64_t written = 0;

	while (count--) {
		if (varied)
			*varied = 1 + count % values;
		if (writev(queue->fd, parts, 2) < 0)
			tally_add(&errors, errno);
		else
			written++;
	}
	answer_count(out, "written", written);
	answer_errors(out, &errors);
}

int queue_write(int argc, char **argv, struct answer *out)
{
	static uint8_t frame[65536];
	struct queue *queue = find_queue(argv[1]);
	bool bad_header = has_word(argc - 4, argv + 4, "badheader"), fault = has_word(argc - 4, argv + 4, "fault");
	struct virtio_net_hdr header = {.gso_type = bad_header ? UNKNOWN_GSO : VIRTIO_NET_HDR_GSO_NONE};
	struct iovec parts[2] = {{&header, 0}, {frame, strtoul(argv[3], NULL, 10)}};

	if (!queue)
		return -ENOENT;
	if (!build_frame(frame, parts[1].iov_len, queue->ethernet))
		return -EINVAL;
	parts[0].iov_len = queue->header;
	parts[1].iov_len = option(argc - 4, argv + 4, "cut", parts[1].iov_len);
	if (has_word(argc - 4, argv + 4, "unicast"))
		make_unicast(frame);
	if (has_word(argc - 4, argv + 4, "noip"))
		frame[0] = 0;
	uint64_t flows = option(argc - 4, argv + 4, "flows", 1);
	uint8_t *source = frame + (queue->ethernet ? 14 : 0) + 15; /* the last byte of its IPv4 address */

	if (fault)
		parts[1].iov_base = NULL;
	write_frames(queue, parts, strtoull(argv[2], NULL, 10), flows > 1 ? source : NULL, flows, out);
	return 0;
}

int queue_sndbuf(int argc, char **argv, struct answer *out)
{
	struct queue *queue = find_queue(argv[1]);
	int bytes = atoi(argv[2]);

	(void)argc, (void)out;
	if (!queue)
		return -ENOENT;
	return ioctl(queue->fd, TUNSETSNDBUF, &bytes) ? -errno : 0;
}

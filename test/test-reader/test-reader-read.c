// SPDX-License-Identifier: Apache-2.0
// The test reader reads a number of packets now, or all of them, or into a buffer that is not there.
#include "test-reader.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

int read_some(int argc, char **argv, struct answer *out)
{
	struct queue *queue = find_queue(argv[1]);
	uint64_t wanted = strcmp(argv[2], "all") == 0 ? UINT64_MAX : strtoull(argv[2], NULL, 10);
	uint64_t packets = 0, bytes = 0;
	struct tally errors = {.used = 0};
	ssize_t size = 0;

	(void)argc;
	if (!queue)
		return -ENOENT;
	while (packets < wanted && (size = read_one(queue)) >= 0) {
		packets++;
		bytes += size;
	}
	if (size < 0 && size != -EAGAIN)
		tally_add(&errors, -size);
	answer_count(out, "packets", packets);
	answer_count(out, "bytes", bytes);
	answer_errors(out, &errors);
	return 0;
}

/* What does not fit the kernel cuts off. */
int read_short(int argc, char **argv, struct answer *out)
{
	static uint8_t buffer[65536];
	struct queue *queue = find_queue(argv[1]);
	uint64_t count = strtoull(argv[2], NULL, 10), packets = 0, bytes = 0;
	size_t room = strtoul(argv[3], NULL, 10);
	ssize_t size;

	(void)argc;
	if (!queue)
		return -ENOENT;
	while (packets < count &&
	       (size = read(queue->fd, buffer, room < sizeof(buffer) ? room : sizeof(buffer))) >= 0) {
		packets++;
		bytes += size;
	}
	answer_count(out, "packets", packets);
	answer_count(out, "bytes", bytes);
	return 0;
}

/* On a queue with virtio-net header tun drops the packet when it cannot copy the header; without, tun counts it as
 * delivered. */
int read_bad(int argc, char **argv, struct answer *out)
{
	struct queue *queue = find_queue(argv[1]);
	struct tally errors = {.used = 0};
	uint64_t count = strtoull(argv[2], NULL, 10), packets = 0;
	void *hole = mmap(NULL, 65536, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	(void)argc;
	if (hole == MAP_FAILED)
		return -errno;
	while (queue && count--) {
		if (read(queue->fd, hole, 65536) >= 0)
			packets++;
		else
			tally_add(&errors, errno);
	}
	munmap(hole, 65536);
	if (!queue)
		return -ENOENT;
	answer_count(out, "packets", packets);
	answer_errors(out, &errors);
	return 0;
}

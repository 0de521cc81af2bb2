// SPDX-License-Identifier: Apache-2.0
// The test reader's queues: detached, attached and steered.
#define _GNU_SOURCE
#include "test-reader.h"
#include "steering.h"

#include <errno.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <string.h>
#include <sys/ioctl.h>

static int set_queue(const char *id, short flags)
{
	struct queue *queue = find_queue(id);
	struct ifreq request = {.ifr_flags = flags};

	if (!queue)
		return -ENOENT;
	return ioctl(queue->fd, TUNSETQUEUE, &request) ? -errno : 0;
}

int queue_enable(int argc, char **argv, struct answer *out)
{
	(void)argc, (void)out;
	return set_queue(argv[1], IFF_ATTACH_QUEUE);
}

int queue_disable(int argc, char **argv, struct answer *out)
{
	(void)argc, (void)out;
	return set_queue(argv[1], IFF_DETACH_QUEUE);
}

int queue_persist(int argc, char **argv, struct answer *out)
{
	struct queue *queue = find_queue(argv[1]);

	(void)argc, (void)out;
	if (!queue)
		return -ENOENT;
	return ioctl(queue->fd, TUNSETPERSIST, strcmp(argv[2], "on") == 0) ? -errno : 0;
}

int queue_steer(int argc, char **argv, struct answer *out)
{
	struct queue *queue = find_queue(argv[1]);

	(void)argc, (void)out;
	return queue ? steer_by_mark(queue->fd, strcmp(argv[2], "on") == 0) : -ENOENT;
}

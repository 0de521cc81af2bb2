// SPDX-License-Identifier: Apache-2.0
// The puppet's queues: opened, closed, detached, attached and steered.
#define _GNU_SOURCE
#include "puppet.h"
#include "steering.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <linux/virtio_net.h>
#include <string.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/uio.h>
#include <unistd.h>

#ifndef IFF_BACKPRESSURE
#define IFF_BACKPRESSURE 0x0080 /* Linux 7.3 */
#endif

enum { MAX_QUEUES = 4096 };
static struct queue queues[MAX_QUEUES];

struct queue *find_queue(const char *id)
{
	for (int i = 0; i < MAX_QUEUES; i++)
		if (queues[i].id[0] && strcmp(queues[i].id, id) == 0)
			return &queues[i];
	return NULL;
}

static struct queue *free_queue(void)
{
	for (int i = 0; i < MAX_QUEUES; i++)
		if (!queues[i].id[0])
			return &queues[i];
	return NULL;
}

static short device_flags(int argc, char **argv)
{
	short flags = strcmp(argv[3], "tun") == 0 ? IFF_TUN : IFF_TAP;

	if (!has_word(argc - 4, argv + 4, "pi"))
		flags |= IFF_NO_PI;
	if (has_word(argc - 4, argv + 4, "mq"))
		flags |= IFF_MULTI_QUEUE;
	if (has_word(argc - 4, argv + 4, "vnet"))
		flags |= IFF_VNET_HDR;
	if (has_word(argc - 4, argv + 4, "backpressure"))
		flags |= IFF_BACKPRESSURE;
	return flags;
}

static int open_device(const char *name, short flags, bool persist)
{
	struct ifreq request = {.ifr_flags = flags};
	int error, fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	strncpy(request.ifr_name, name, IFNAMSIZ - 1);
	if (ioctl(fd, TUNSETIFF, &request) == 0 && (!persist || ioctl(fd, TUNSETPERSIST, 1) == 0))
		return fd;
	error = -errno;
	close(fd);
	return error;
}

int queue_open(int argc, char **argv, struct answer *out)
{
	struct queue *queue = free_queue();
	short flags = device_flags(argc, argv);
	int fd;

	(void)out;
	if (find_queue(argv[1]))
		return -EEXIST;
	if (!queue)
		return -EMFILE;
	if (strlen(argv[1]) >= sizeof(queue->id))
		return -ENAMETOOLONG;
	if (strcmp(argv[3], "macvtap") == 0)
		fd = open_macvtap(argv[2]);
	else
		fd = open_device(argv[2], flags, has_word(argc - 4, argv + 4, "persist"));
	if (fd < 0)
		return fd;
	*queue = (struct queue){.fd = fd, .ethernet = flags & IFF_TAP};
	queue->header = flags & IFF_VNET_HDR ? sizeof(struct virtio_net_hdr) : 0;
	strcpy(queue->id, argv[1]);
	return 0;
}

int queue_close(int argc, char **argv, struct answer *out)
{
	struct queue *queue = find_queue(argv[1]);

	(void)argc, (void)out;
	if (!queue)
		return -ENOENT;
	if (queue->reader || queue->guest)
		return -EBUSY;
	close(queue->fd);
	queue->id[0] = '\0';
	return 0;
}

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

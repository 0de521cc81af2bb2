// SPDX-License-Identifier: Apache-2.0
// Queues of tun and tap devices: opened, which makes the device, and closed, which deletes it unless it persists; and
// of macvtaps, which are made before.
#define _GNU_SOURCE
#include "traffic.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <linux/virtio_net.h>
#include <string.h>
#include <sys/ioctl.h>
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

int add_queue(const char *id, int fd, bool ethernet, size_t header)
{
	struct queue *queue = free_queue();
	int error = 0;

	if (find_queue(id))
		error = -EEXIST;
	else if (!queue)
		error = -EMFILE;
	else if (strlen(id) >= sizeof(queue->id))
		error = -ENAMETOOLONG;
	if (error) {
		close(fd);
		return error;
	}
	*queue = (struct queue){.fd = fd, .ethernet = ethernet, .header = header};
	strcpy(queue->id, id);
	return 0;
}

/* Flags that this kernel does not know are not there afterwards: it says nothing when it is asked for them. */
int queue_open(int argc, char **argv, struct answer *out)
{
	short flags = device_flags(argc, argv);
	struct ifreq taken = {.ifr_flags = 0};
	bool is_macvtap = strcmp(argv[3], "macvtap") == 0;
	int fd;

	if (find_queue(argv[1]))
		return -EEXIST;
	fd = is_macvtap ? open_macvtap(argv[2], flags)
			: open_device(argv[2], flags, has_word(argc - 4, argv + 4, "persist"));
	if (fd < 0)
		return fd;
	if (ioctl(fd, TUNGETIFF, &taken) == 0)
		answer_count(out, "backpressure", (taken.ifr_flags & IFF_BACKPRESSURE) != 0);
	return add_queue(argv[1], fd, flags & IFF_TAP, flags & IFF_VNET_HDR ? sizeof(struct virtio_net_hdr) : 0);
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

// SPDX-License-Identifier: Apache-2.0
// vhost-net without buffers: its worker takes a batch out of the queue's ring and keeps it, until the backend is
// removed and what it holds goes back.
#include "puppet.h"
#include "vhost-backend.h"

#include <errno.h>
#include <linux/vhost.h>
#include <sys/ioctl.h>
#include <unistd.h>

enum { VRING = 256 };

static struct vring_desc descriptors[VRING] __attribute__((aligned(16)));
static uint16_t available[2 + VRING];
static uint32_t used[1 + 2 * VRING];
static int vhost = -1, kick = -1;

int vhost_on(int argc, char **argv, struct answer *out)
{
	const struct vhost_guest guest = {descriptors, available, used, VRING, descriptors, sizeof(descriptors)};
	struct queue *queue = find_queue(argv[1]);

	(void)argc, (void)out;
	if (!queue || vhost >= 0)
		return -EINVAL;
	if (connect_vhost(&guest, queue->fd, &vhost, &kick))
		return -errno;
	queue->header = VHOST_HEADER;
	return 0;
}

int vhost_off(int argc, char **argv, struct answer *out)
{
	struct vhost_vring_file none = {.fd = -1};
	int error = 0;

	(void)argc, (void)argv, (void)out;
	if (vhost < 0)
		return -EINVAL;
	if (ioctl(vhost, VHOST_NET_SET_BACKEND, &none))
		error = -errno;
	close(vhost);
	close(kick);
	vhost = kick = -1;
	return error;
}

// SPDX-License-Identifier: Apache-2.0
// vhost-net without a guest and without buffers: its worker takes a batch out of the queue's ring and keeps it, until
// the backend is removed and what it holds goes back.
#include "puppet.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <linux/vhost.h>
#include <linux/virtio_config.h>
#include <linux/virtio_ring.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <unistd.h>

enum { VRING = 256, HEADER = 12 };

static struct vring_desc descriptors[VRING] __attribute__((aligned(16)));
static struct {
	uint16_t flags, index, ring[VRING];
} available;
static struct {
	uint16_t flags, index;
	struct vring_used_elem ring[VRING];
} used __attribute__((aligned(4)));
static int vhost = -1;

static int refused(void)
{
	int error = -errno;

	close(vhost);
	vhost = -1;
	return error;
}

/* Queue 0 of a virtio-net device is the one on which the guest receives. */
static bool connect_ring(int queue)
{
	struct vhost_vring_state size = {.num = VRING}, base = {.num = 0};
	struct vhost_vring_addr addresses = {.desc_user_addr = (uintptr_t)descriptors,
					     .avail_user_addr = (uintptr_t)&available,
					     .used_user_addr = (uintptr_t)&used};
	struct vhost_vring_file kick = {.fd = eventfd(0, 0)}, backend = {.fd = queue};

	return ioctl(vhost, VHOST_SET_VRING_NUM, &size) == 0 && ioctl(vhost, VHOST_SET_VRING_BASE, &base) == 0 &&
	       ioctl(vhost, VHOST_SET_VRING_ADDR, &addresses) == 0 && ioctl(vhost, VHOST_SET_VRING_KICK, &kick) == 0 &&
	       ioctl(vhost, VHOST_NET_SET_BACKEND, &backend) == 0;
}

int vhost_on(int argc, char **argv, struct answer *out)
{
	struct queue *queue = find_queue(argv[1]);
	uint64_t features = 1ULL << VIRTIO_F_VERSION_1;
	int header = HEADER;
	struct {
		struct vhost_memory table;
		struct vhost_memory_region region;
	} memory = {
		{.nregions = 1},
		{.guest_phys_addr = 0, .memory_size = sizeof(descriptors), .userspace_addr = (uintptr_t)descriptors}};

	(void)argc, (void)out;
	if (!queue || vhost >= 0)
		return -EINVAL;
	vhost = open("/dev/vhost-net", O_RDWR | O_CLOEXEC);
	if (vhost < 0)
		return -errno;
	if (ioctl(queue->fd, TUNSETVNETHDRSZ, &header) || ioctl(vhost, VHOST_SET_OWNER, NULL) ||
	    ioctl(vhost, VHOST_SET_FEATURES, &features) || ioctl(vhost, VHOST_SET_MEM_TABLE, &memory) ||
	    !connect_ring(queue->fd))
		return refused();
	queue->header = HEADER;
	return 0;
}

int vhost_off(int argc, char **argv, struct answer *out)
{
	struct vhost_vring_file none = {.fd = -1};

	(void)argc, (void)argv, (void)out;
	if (vhost < 0)
		return -EINVAL;
	if (ioctl(vhost, VHOST_NET_SET_BACKEND, &none))
		return refused();
	close(vhost);
	vhost = -1;
	return 0;
}

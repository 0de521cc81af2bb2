// SPDX-License-Identifier: Apache-2.0
#include "vhost-backend.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <linux/vhost.h>
#include <linux/virtio_config.h>
#include <stdint.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define REFUSED(fd, request, argument) (ioctl(fd, request, argument) ? #request : NULL)

static const char *set_up_memory(const struct vhost_guest *guest, int vhost)
{
	uint64_t memory = (uintptr_t)guest->memory;
	struct {
		struct vhost_memory table;
		struct vhost_memory_region region;
	} regions = {{.nregions = 1},
		     {.guest_phys_addr = memory, .memory_size = guest->memory_size, .userspace_addr = memory}};

	return REFUSED(vhost, VHOST_SET_MEM_TABLE, &regions);
}

/* index 0 is the ring on which a virtio-net guest receives, 1 the one on which it sends. */
static const char *set_up_ring(const struct vhost_ring *ring, unsigned int index, int vhost, int *kick)
{
	struct vhost_vring_state size = {index, ring->entries}, base = {.index = index};
	struct vhost_vring_addr addresses = {.index = index,
					     .desc_user_addr = (uintptr_t)ring->descriptors,
					     .avail_user_addr = (uintptr_t)ring->available,
					     .used_user_addr = (uintptr_t)ring->used};
	struct vhost_vring_file kicked = {.index = index}, called = {index, ring->call};
	const char *refused = NULL;

	if (!ring->entries)
		return NULL;
	*kick = kicked.fd = eventfd(0, EFD_CLOEXEC);
	refused = *kick < 0 ? "eventfd" : REFUSED(vhost, VHOST_SET_VRING_NUM, &size);
	refused = refused ?: REFUSED(vhost, VHOST_SET_VRING_BASE, &base);
	refused = refused ?: REFUSED(vhost, VHOST_SET_VRING_ADDR, &addresses);
	refused = refused ?: REFUSED(vhost, VHOST_SET_VRING_KICK, &kicked);
	return refused || !ring->call ? refused : REFUSED(vhost, VHOST_SET_VRING_CALL, &called);
}

static const char *set_up_vhost(const struct vhost_guest *guest, int queue, int vhost, struct vhost_kicks *kicks)
{
	uint64_t features = 1ULL << VIRTIO_F_VERSION_1;
	int header = VHOST_HEADER;
	struct vhost_vring_file receives = {0, queue}, sends = {1, queue};
	const char *refused = REFUSED(queue, TUNSETVNETHDRSZ, &header);

	refused = refused ?: REFUSED(vhost, VHOST_SET_OWNER, NULL);
	refused = refused ?: REFUSED(vhost, VHOST_SET_FEATURES, &features);
	refused = refused ?: set_up_memory(guest, vhost);
	refused = refused ?: set_up_ring(&guest->receives, 0, vhost, &kicks->receives);
	refused = refused ?: set_up_ring(&guest->sends, 1, vhost, &kicks->sends);
	if (!refused && guest->receives.entries)
		refused = REFUSED(vhost, VHOST_NET_SET_BACKEND, &receives);
	if (!refused && guest->sends.entries)
		refused = REFUSED(vhost, VHOST_NET_SET_BACKEND, &sends);
	return refused;
}

static void close_all(int vhost, struct vhost_kicks *kicks)
{
	close(vhost);
	if (kicks->receives >= 0)
		close(kicks->receives);
	if (kicks->sends >= 0)
		close(kicks->sends);
	*kicks = (struct vhost_kicks){-1, -1};
}

const char *connect_vhost(const struct vhost_guest *guest, int queue, int *vhost, struct vhost_kicks *kicks)
{
	*kicks = (struct vhost_kicks){-1, -1};
	*vhost = open("/dev/vhost-net", O_RDWR | O_CLOEXEC);
	if (*vhost < 0)
		return "open of /dev/vhost-net";
	const char *refused = set_up_vhost(guest, queue, *vhost, kicks);

	if (refused) {
		int error = errno;

		close_all(*vhost, kicks);
		*vhost = -1;
		errno = error;
	}
	return refused;
}

int disconnect_vhost(int vhost, struct vhost_kicks *kicks)
{
	struct vhost_vring_file receives = {0, -1}, sends = {1, -1};
	int error = 0;

	if (kicks->receives >= 0 && ioctl(vhost, VHOST_NET_SET_BACKEND, &receives))
		error = errno;
	if (kicks->sends >= 0 && ioctl(vhost, VHOST_NET_SET_BACKEND, &sends))
		error = errno;
	close_all(vhost, kicks);
	return error;
}

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

static const char *set_up_vhost(const struct vhost_guest *guest, int queue, int vhost, int kick)
{
	uint64_t features = 1ULL << VIRTIO_F_VERSION_1, memory = (uintptr_t)guest->memory;
	int header = VHOST_HEADER;
	struct {
		struct vhost_memory table;
		struct vhost_memory_region region;
	} regions = {{.nregions = 1},
		     {.guest_phys_addr = memory, .memory_size = guest->memory_size, .userspace_addr = memory}};
	/* Queue 0 of a virtio-net device is the one on which the guest receives. */
	struct vhost_vring_state size = {.num = guest->entries}, base = {.num = 0};
	struct vhost_vring_addr addresses = {.desc_user_addr = (uintptr_t)guest->descriptors,
					     .avail_user_addr = (uintptr_t)guest->available,
					     .used_user_addr = (uintptr_t)guest->used};
	struct vhost_vring_file kicked = {.fd = kick}, backend = {.fd = queue};
	const char *refused = REFUSED(queue, TUNSETVNETHDRSZ, &header);

	refused = refused ?: REFUSED(vhost, VHOST_SET_OWNER, NULL);
	refused = refused ?: REFUSED(vhost, VHOST_SET_FEATURES, &features);
	refused = refused ?: REFUSED(vhost, VHOST_SET_MEM_TABLE, &regions);
	refused = refused ?: REFUSED(vhost, VHOST_SET_VRING_NUM, &size);
	refused = refused ?: REFUSED(vhost, VHOST_SET_VRING_BASE, &base);
	refused = refused ?: REFUSED(vhost, VHOST_SET_VRING_ADDR, &addresses);
	refused = refused ?: REFUSED(vhost, VHOST_SET_VRING_KICK, &kicked);
	return refused ?: REFUSED(vhost, VHOST_NET_SET_BACKEND, &backend);
}

const char *connect_vhost(const struct vhost_guest *guest, int queue, int *vhost, int *kick)
{
	*vhost = open("/dev/vhost-net", O_RDWR | O_CLOEXEC);
	if (*vhost < 0)
		return "open of /dev/vhost-net";
	*kick = eventfd(0, EFD_CLOEXEC);
	const char *refused = *kick < 0 ? "eventfd" : set_up_vhost(guest, queue, *vhost, *kick);

	if (refused) {
		int error = errno;

		close(*vhost);
		if (*kick >= 0)
			close(*kick);
		*vhost = *kick = -1;
		errno = error;
	}
	return refused;
}

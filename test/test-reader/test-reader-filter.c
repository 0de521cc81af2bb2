// SPDX-License-Identifier: Apache-2.0
// What the program behind a tap may ask the kernel to drop for it: by address, or by a socket filter.
#include "test-reader.h"

#include <errno.h>
#include <linux/filter.h>
#include <linux/if_tun.h>
#include <string.h>
#include <sys/ioctl.h>

/* Only frames to 02:00:00:00:00:01 pass; with n addresses 0, all. */
static int filter_addresses(int fd, int n)
{
	struct {
		struct tun_filter filter;
		uint8_t address[6];
	} wanted = {.filter = {.count = n}, .address = {0x02, 0, 0, 0, 0, 0x01}};

	return ioctl(fd, TUNSETTXFILTER, &wanted) < 0 ? -errno : 0;
}

static int filter_socket(int fd, uint32_t passed_bytes)
{
	struct sock_filter code = BPF_STMT(BPF_RET | BPF_K, passed_bytes);
	struct sock_fprog program = {.len = 1, .filter = &code};

	return ioctl(fd, TUNATTACHFILTER, &program) ? -errno : 0;
}

int queue_filter(int argc, char **argv, struct answer *out)
{
	struct queue *queue = find_queue(argv[1]);

	(void)argc, (void)out;
	if (!queue)
		return -ENOENT;
	if (strcmp(argv[2], "address") == 0)
		return filter_addresses(queue->fd, 1);
	if (strcmp(argv[2], "none") == 0)
		return filter_addresses(queue->fd, 0);
	return filter_socket(queue->fd, strcmp(argv[2], "all") == 0 ? 0 : 0xffffffff);
}

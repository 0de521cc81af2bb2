// SPDX-License-Identifier: Apache-2.0
// A queue of a macvtap or ipvtap, which is made before: a character device of its own, whose number the namespace's
// sysfs tells.
#define _GNU_SOURCE
#include "traffic.h"

#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

/* A sysfs shows the devices of the namespace where it was mounted, and this process came with its parent's. */
static void mount_own_sysfs(void)
{
	static bool mounted;

	if (mounted)
		return;
	mounted = true;
	if (unshare(CLONE_NEWNS) == 0 && mount("none", "/", NULL, MS_REC | MS_SLAVE, NULL) == 0)
		mount("sysfs", "/sys", "sysfs", 0, NULL);
}

static dev_t number_of(const char *device)
{
	unsigned int major = 0, minor = 0;
	char pattern[64];
	glob_t found;

	snprintf(pattern, sizeof(pattern), "/sys/class/net/%.15s/*vtap/tap*/dev", device);
	if (glob(pattern, 0, NULL, &found) == 0) {
		FILE *file = fopen(found.gl_pathv[0], "r");

		if (file && fscanf(file, "%u:%u", &major, &minor) != 2)
			major = minor = 0;
		if (file)
			fclose(file);
	}
	globfree(&found);
	return makedev(major, minor);
}

/* A node of our own: that in /dev is there once for all namespaces, and devices of several may have its name. */
static int open_number(dev_t number)
{
	char node[32];
	int fd, error;

	snprintf(node, sizeof(node), "/dev/traffic-%d", getpid());
	if (mknod(node, S_IFCHR | 0600, number))
		return -errno;
	fd = open(node, O_RDWR | O_NONBLOCK | O_CLOEXEC);
	error = -errno;
	unlink(node);
	return fd < 0 ? error : fd;
}

int open_macvtap(const char *device, short flags)
{
	struct ifreq request = {.ifr_flags = flags & (IFF_TAP | IFF_NO_PI | IFF_VNET_HDR)};
	dev_t number;
	int fd, error;

	mount_own_sysfs();
	number = number_of(device);
	if (!number)
		return -ENODEV;
	fd = open_number(number);
	if (fd < 0 || ioctl(fd, TUNSETIFF, &request) == 0)
		return fd;
	error = -errno;
	close(fd);
	return error;
}

// SPDX-License-Identifier: Apache-2.0
// Two tun devices in two network namespaces, and a thread for each direction that moves every packet from one to the
// other. tun-pair NETNS1 NETNS2 DEVICE gso|plain|tap: prints "ready" and runs until its input ends. gso: packets pass
// with their virtio-net header, unsegmented and without checksums, as between two guests. tap: two taps.
#define _GNU_SOURCE
#include <err.h>
#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <pthread.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

enum { MAX_PACKET = 70000 };

struct direction {
	int from, to;
};

static int open_tun(const char *netns, const char *device, int kind, int gso)
{
	struct ifreq request = {.ifr_flags = (short)(kind | IFF_NO_PI | (gso ? IFF_VNET_HDR : 0))};
	int file, space = open(netns, O_RDONLY | O_CLOEXEC);

	if (space < 0 || setns(space, CLONE_NEWNET))
		err(1, "%s", netns);
	file = open("/dev/net/tun", O_RDWR | O_CLOEXEC);
	strncpy(request.ifr_name, device, IFNAMSIZ - 1);
	if (file < 0 || ioctl(file, TUNSETIFF, &request))
		err(1, "%s", device);
	if (gso && ioctl(file, TUNSETOFFLOAD, TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6))
		err(1, "TUNSETOFFLOAD");
	close(space);
	return file;
}

static void *move(void *argument)
{
	const struct direction *direction = argument;
	static _Thread_local uint8_t packet[MAX_PACKET];

	for (;;) {
		ssize_t size = read(direction->from, packet, sizeof(packet));

		/* What the other device refuses (it is down) is lost there, after it was delivered here. */
		if (size < 0 || write(direction->to, packet, size) < 0)
			continue;
	}
	return NULL;
}

int main(int argc, char **argv)
{
	struct direction ways[2];
	pthread_t thread;
	char byte;

	if (argc != 5)
		errx(1, "usage: tun-pair NETNS1 NETNS2 DEVICE gso|plain|tap");
	int gso = strcmp(argv[4], "gso") == 0, kind = strcmp(argv[4], "tap") == 0 ? IFF_TAP : IFF_TUN;

	ways[0].from = ways[1].to = open_tun(argv[1], argv[3], kind, gso);
	ways[0].to = ways[1].from = open_tun(argv[2], argv[3], kind, gso);
	for (int way = 0; way < 2; way++)
		if (pthread_create(&thread, NULL, move, &ways[way]))
			errx(1, "pthread_create");
	puts("ready");
	fflush(stdout);
	while (read(0, &byte, 1) > 0)
		;
	return 0;
}

// SPDX-License-Identifier: Apache-2.0
// Taps, dummies and the packet sockets that send into them.
#include "driver.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_packet.h>
#include <linux/if_tun.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

unsigned int if_nametoindex(const char *name); /* <net/if.h> and <linux/if.h> exclude each other */

void run(const char *format, const char *device, const char *word)
{
	char command[256];

	snprintf(command, sizeof(command), format, device, word);
	if (system(command))
		fail("'%s' failed", command);
}

void write_setting(const char *path, const char *value)
{
	FILE *file = fopen(path, "w");

	if (!file || fputs(value, file) < 0 || fclose(file))
		fail("cannot write %s to %s", value, path);
}

int open_queue(const char *tap, int flags)
{
	struct ifreq request = {.ifr_flags = IFF_TAP | IFF_NO_PI | flags};
	int fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK);

	strncpy(request.ifr_name, tap, IFNAMSIZ - 1);
	if (fd < 0 || ioctl(fd, TUNSETIFF, &request))
		fail("cannot open a queue of %s", tap);
	return fd;
}

void set_up(const char *device, int ring, const char *qdisc)
{
	static int control = -1;
	struct ifreq request = {.ifr_qlen = ring};

	if (control < 0)
		control = socket(AF_INET, SOCK_DGRAM, 0);
	strncpy(request.ifr_name, device, IFNAMSIZ - 1);
	if (ioctl(control, SIOCSIFTXQLEN, &request))
		fail("%s takes no ring of %d", device, ring);
	request.ifr_flags = IFF_UP;
	if (ioctl(control, SIOCSIFFLAGS, &request))
		fail("cannot set up %s", device);
	if (qdisc)
		run("tc qdisc replace dev %s root %s", device, qdisc);
}

void add_dummy(const char *device, const char *qdisc)
{
	run("ip link add %s type dummy%s", device, "");
	set_up(device, RING, qdisc);
}

int open_sender(const char *device, int mark)
{
	struct sockaddr_ll to = {.sll_family = AF_PACKET, .sll_ifindex = if_nametoindex(device)};
	int fd = socket(AF_PACKET, SOCK_RAW, 0);

	if (fd < 0 || bind(fd, (struct sockaddr *)&to, sizeof(to)) ||
	    setsockopt(fd, SOL_SOCKET, SO_MARK, &mark, sizeof(mark)))
		fail("no packet socket on %s", device);
	return fd;
}

int send_frame(int sender)
{
	static const uint8_t frame[60] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2, 0, 0, 0, 0, 2, 0x88, 0xb5};

	return send(sender, frame, sizeof(frame), 0) > 0;
}

uint64_t drain(int queue)
{
	char buffer[4096];
	uint64_t packets = 0;

	while (read(queue, buffer, sizeof(buffer)) > 0)
		packets++;
	return packets;
}

uint64_t device_counter(const char *device, const char *name)
{
	unsigned long long value;
	char path[128];
	FILE *file;

	snprintf(path, sizeof(path), "/sys/class/net/%s/statistics/%s", device, name);
	file = fopen(path, "r");
	if (!file || fscanf(file, "%llu", &value) != 1)
		fail("cannot read %s", path);
	fclose(file);
	return value;
}

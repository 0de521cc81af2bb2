// SPDX-License-Identifier: Apache-2.0
// The test reader as `ip link`, and a sender whose socket stays: a packet socket takes a grace period of RCU to close,
// a process milliseconds to start, and random tests do both ten thousand times.
#include "test-reader.h"

#include <errno.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

enum { RUNNING_WITHIN_MS = 10000 };

/* A packet socket of this namespace, bound to no device; protocol 0 receives nothing. */
static int sender(void)
{
	static int fd = -1;

	if (fd < 0)
		fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
	return fd;
}

static int ask_link(const char *device, unsigned long what, struct ifreq *request)
{
	strncpy(request->ifr_name, device, IFNAMSIZ - 1);
	return sender() < 0 || ioctl(sender(), what, request) ? -errno : 0;
}

int link_length(int argc, char **argv, struct answer *out)
{
	struct ifreq request = {.ifr_qlen = atoi(argv[2])};

	(void)argc, (void)out;
	return ask_link(argv[1], SIOCSIFTXQLEN, &request);
}

int link_set(int argc, char **argv, struct answer *out)
{
	struct ifreq request = {.ifr_flags = 0};
	int error = ask_link(argv[1], SIOCGIFFLAGS, &request);

	(void)argc, (void)out;
	if (error)
		return error;
	request.ifr_flags = (request.ifr_flags & ~IFF_UP) | (strcmp(argv[2], "up") == 0 ? IFF_UP : 0);
	return ask_link(argv[1], SIOCSIFFLAGS, &request);
}

/* A carrier that came reaches the qdisc by a work item. */
int link_running(int argc, char **argv, struct answer *out)
{
	(void)argc, (void)out;
	for (int waited = 0; waited < RUNNING_WITHIN_MS; waited++) {
		struct ifreq request = {.ifr_flags = 0};
		int error = ask_link(argv[1], SIOCGIFFLAGS, &request);

		if (error || request.ifr_flags & IFF_RUNNING)
			return error;
		usleep(1000);
	}
	return -ETIMEDOUT;
}

int send_frames(int argc, char **argv, struct answer *out)
{
	struct sockaddr_ll to = {.sll_family = AF_PACKET, .sll_halen = ETH_ALEN};
	unsigned int mark = option(argc, argv, "queue", 0);
	uint64_t sent = 0, count = strtoull(argv[2], NULL, 10);
	struct tally errors = {.used = 0};
	uint8_t frame[ETH_ZLEN];

	to.sll_ifindex = if_nametoindex(argv[1]);
	if (!to.sll_ifindex || setsockopt(sender(), SOL_SOCKET, SO_MARK, &mark, sizeof(mark)))
		return -errno;
	build_frame(frame, sizeof(frame), true);
	make_unicast(frame);
	while (count--) {
		if (sendto(sender(), frame, sizeof(frame), MSG_DONTWAIT, (struct sockaddr *)&to, sizeof(to)) < 0)
			tally_add(&errors, errno);
		else
			sent++;
	}
	answer_count(out, "sent", sent);
	answer_errors(out, &errors);
	return 0;
}

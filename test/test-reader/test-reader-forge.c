// SPDX-License-Identifier: Apache-2.0
// The test reader as a tenant who is root in a namespace of its own, and sends to other programs' netlink sockets
// there.
#include "test-reader.h"

#include <errno.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

/* Answers in one forged datagram, one for each sequence number: one of them fits the request that is under way. */
enum { SEQUENCES = 1500 };

struct forged {
	struct nlmsghdr header;
	struct ifinfomsg link;
};

/* How many datagrams were taken: of a socket that is not there, or does not take them, none. */
int forge(int argc, char **argv, struct answer *out)
{
	struct sockaddr_nl to = {.nl_family = AF_NETLINK, .nl_pid = (unsigned int)atoi(argv[1])};
	struct timespec now, end;
	static struct forged all[SEQUENCES];
	uint64_t sent = 0;
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);

	(void)argc;
	if (fd < 0)
		return -errno;
	for (unsigned int i = 0; i < SEQUENCES; i++)
		all[i].header = (struct nlmsghdr){sizeof(all[i]), RTM_NEWLINK, NLM_F_MULTI, i + 1, to.nl_pid};
	clock_gettime(CLOCK_MONOTONIC, &end);
	end.tv_sec += atoi(argv[2]);
	do {
		sent += sendto(fd, all, sizeof(all), MSG_DONTWAIT, (struct sockaddr *)&to, sizeof(to)) > 0;
		clock_gettime(CLOCK_MONOTONIC, &now);
	} while (now.tv_sec < end.tv_sec || (now.tv_sec == end.tv_sec && now.tv_nsec < end.tv_nsec));
	close(fd);
	answer_count(out, "sent", sent);
	return 0;
}

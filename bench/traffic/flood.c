// SPDX-License-Identifier: Apache-2.0
// A thread that sends frames to a device by a packet socket, in bursts at a rate, until it is stopped.
#include "traffic.h"

#include <errno.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { FRAME = 200 };

static struct {
	pthread_t thread;
	int socket;
	long burst;
	double rate; /* frames per second */
	atomic_bool ends;
	uint64_t sent;
} flood = {.socket = -1};

static void *run_flood(void *unused)
{
	double interval = flood.burst / flood.rate;
	struct timespec pause = {interval, (interval - (time_t)interval) * 1e9};
	uint8_t frame[FRAME];

	(void)unused;
	build_frame(frame, sizeof(frame), true);
	while (!flood.ends) {
		/* A device that refuses a frame is part of the script. */
		for (long i = 0; i < flood.burst; i++)
			flood.sent += send(flood.socket, frame, sizeof(frame), MSG_DONTWAIT) > 0;
		nanosleep(&pause, NULL);
	}
	return NULL;
}

static int packet_socket(const char *device)
{
	struct sockaddr_ll to = {.sll_family = AF_PACKET, .sll_ifindex = if_nametoindex(device)};
	int error, fd;

	if (!to.sll_ifindex)
		return -ENODEV;
	/* Protocol 0: it sends and receives nothing. */
	fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	if (bind(fd, (struct sockaddr *)&to, sizeof(to)) == 0)
		return fd;
	error = -errno;
	close(fd);
	return error;
}

int flood_start(int argc, char **argv, struct answer *out)
{
	int error;

	(void)out;
	if (flood.socket >= 0)
		return -EBUSY;
	flood.rate = atof(argv[2]);
	flood.burst = option(argc, argv, "burst", 1);
	if (flood.rate <= 0 || flood.burst <= 0)
		return -EINVAL;
	flood.socket = packet_socket(argv[1]);
	if (flood.socket < 0)
		return flood.socket;
	flood.ends = false;
	flood.sent = 0;
	error = pthread_create(&flood.thread, NULL, run_flood, NULL);
	if (error) {
		close(flood.socket);
		flood.socket = -1;
	}
	return -error;
}

int flood_stop(int argc, char **argv, struct answer *out)
{
	(void)argc, (void)argv;
	if (flood.socket < 0)
		return -ENOENT;
	flood.ends = true;
	pthread_join(flood.thread, NULL);
	close(flood.socket);
	flood.socket = -1;
	answer_count(out, "sent", flood.sent);
	return 0;
}

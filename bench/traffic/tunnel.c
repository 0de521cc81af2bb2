// SPDX-License-Identifier: Apache-2.0
// A VPN without its cryptography: a thread passes the packets of a queue to a UDP socket, so many a second as a VPN
// that is short of CPU or uplink, and what comes back to the queue. One thread does both, as in OpenVPN.
#define _GNU_SOURCE
#include "traffic.h"

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

struct tunnel {
	pthread_t thread;
	const struct queue *queue;
	double rate; /* packets a second towards the socket */
	int socket, wake;
	/* Written by the thread, read by main after pthread_join. */
	uint64_t packets;
};

/* One: a process is one end. */
static struct tunnel tunnel = {.socket = -1};

enum { ROOM = 65536, LONGEST_WAIT_MS = 1000 };

/* What the queue or the socket refuses is lost, as in a VPN. */
static void pass_back(struct tunnel *to)
{
	static uint8_t packet[ROOM];
	ssize_t size, written;

	while ((size = recv(to->socket, packet, sizeof(packet), MSG_DONTWAIT)) > 0) {
		written = write(to->queue->fd, packet, size);
		(void)written;
	}
}

/* Seconds of the clock at which the next packet may go: one that idled gets no burst for it. */
static double pass_on(struct tunnel *from, double due)
{
	static uint8_t packet[ROOM];
	ssize_t size = read(from->queue->fd, packet, sizeof(packet));
	double now = seconds_now(), interval = 1 / from->rate;

	if (size < 0)
		return due;
	from->packets++;
	send(from->socket, packet, size, 0);
	return (now - due > interval ? now : due) + interval;
}

static void *run_tunnel(void *argument)
{
	struct tunnel *both = argument;
	struct pollfd events[3] = {{both->wake, POLLIN, 0}, {both->socket, POLLIN, 0}, {both->queue->fd, POLLIN, 0}};
	double due = seconds_now();

	for (;;) {
		double wait = due - seconds_now();
		bool may_pass = wait <= 0;

		/* Waits for the queue only when the next packet may go. */
		if (poll(events, may_pass ? 3 : 2, may_pass ? LONGEST_WAIT_MS : (int)(wait * 1000) + 1) < 0)
			continue;
		if (events[0].revents)
			return NULL;
		if (events[1].revents & POLLIN)
			pass_back(both);
		for (int burst = 0; burst < 64 && due <= seconds_now(); burst++) {
			double next = pass_on(both, due);

			if (next == due)
				break; /* nothing waits */
			due = next;
		}
	}
}

static int connect_socket(const char *own, const char *other, int port)
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
	int error, fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -errno;
	address.sin_addr.s_addr = inet_addr(own);
	if (bind(fd, (struct sockaddr *)&address, sizeof(address)) == 0) {
		address.sin_addr.s_addr = inet_addr(other);
		if (connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0)
			return fd;
	}
	error = -errno;
	close(fd);
	return error;
}

int tunnel_start(int argc, char **argv, struct answer *out)
{
	const struct queue *queue = find_queue(argv[1]);
	int error;

	(void)argc, (void)out;
	if (!queue)
		return -ENOENT;
	if (tunnel.socket >= 0)
		return -EBUSY;
	error = connect_socket(argv[2], argv[3], atoi(argv[4]));
	if (error < 0)
		return error;
	tunnel = (struct tunnel){.queue = queue, .rate = atof(argv[5]), .socket = error};
	tunnel.wake = eventfd(0, EFD_CLOEXEC);
	error = tunnel.wake < 0 ? errno : pthread_create(&tunnel.thread, NULL, run_tunnel, &tunnel);
	if (error) {
		close(tunnel.socket);
		tunnel.socket = -1;
	}
	return -error;
}

int tunnel_stop(int argc, char **argv, struct answer *out)
{
	(void)argc, (void)argv;
	if (tunnel.socket < 0)
		return -ENOENT;
	if (eventfd_write(tunnel.wake, 1))
		return -errno;
	pthread_join(tunnel.thread, NULL);
	answer_count(out, "packets", tunnel.packets);
	close(tunnel.wake);
	close(tunnel.socket);
	tunnel.socket = -1;
	return 0;
}

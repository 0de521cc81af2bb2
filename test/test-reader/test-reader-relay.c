// SPDX-License-Identifier: Apache-2.0
// A program that sends what it reads on by a socket of its own, and waits where that is full: over TCP, or as unix
// datagrams.
#include "test-reader.h"

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

struct relay {
	struct queue *queue;
	int ends[2]; /* it sends by the first */
};

static void *run_relay(void *argument)
{
	static uint8_t buffer[65536];
	struct relay *relay = argument;
	struct pollfd readable = {relay->queue->fd, POLLIN, 0};

	for (;;) {
		ssize_t size = read(relay->queue->fd, buffer, sizeof(buffer));

		if (size < 0)
			poll(&readable, 1, 100);
		else
			send(relay->ends[0], buffer, size, MSG_NOSIGNAL);
	}
	return NULL;
}

static void *run_drain(void *argument)
{
	static uint8_t buffer[65536];
	struct relay *relay = argument;

	while (recv(relay->ends[1], buffer, sizeof(buffer), 0) > 0)
		;
	return NULL;
}

/* Both ends of a connection of this host. */
static int tcp_pair(int ends[2])
{
	struct sockaddr_in here = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	socklen_t size = sizeof(here);

	ends[0] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (bind(listener, (struct sockaddr *)&here, size) || listen(listener, 1) ||
	    getsockname(listener, (struct sockaddr *)&here, &size) || connect(ends[0], (struct sockaddr *)&here, size))
		return -errno;
	ends[1] = accept(listener, NULL, NULL);
	close(listener);
	return ends[1] < 0 ? -errno : 0;
}

/* Until the test reader ends. */
int relay_start(int argc, char **argv, struct answer *out)
{
	struct relay *relay = calloc(1, sizeof(*relay));
	pthread_t thread;
	int error;

	(void)out;
	relay->queue = find_queue(argv[1]);
	if (!relay->queue)
		return -ENOENT;
	if (strcmp(argv[2], "tcp") == 0)
		error = tcp_pair(relay->ends);
	else
		error = socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, relay->ends) ? -errno : 0;
	if (!error && has_word(argc - 3, argv + 3, "drained"))
		error = -pthread_create(&thread, NULL, run_drain, relay);
	return error ? error : -pthread_create(&thread, NULL, run_relay, relay);
}

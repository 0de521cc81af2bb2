// SPDX-License-Identifier: Apache-2.0
// The test reader's background senders: frames to a device by packet socket, at a rate and in lumps, until they are
// stopped.
#define _GNU_SOURCE
#include "test-reader.h"

#include <errno.h>
#include <linux/net_tstamp.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { MAX_STREAMS = 64, MAX_QUEUES = 16 };

struct stream {
	char id[32];
	pthread_t thread;
	double rate;
	uint64_t lump;
	long ahead; /* seconds; how far in the future a frame is to leave, 0: no time is said */
	int sockets[MAX_QUEUES], n_sockets;
	size_t size;
	uint8_t *frame;
	int wake; /* readable: the thread is to end */
	/* Written by the thread, read by main after pthread_join. */
	uint64_t sent;
	struct tally errors;
};

static struct stream *streams[MAX_STREAMS];

static struct stream **find_stream(const char *id)
{
	for (int i = 0; i < MAX_STREAMS; i++)
		if (streams[i] ? strcmp(streams[i]->id, id) == 0 : !*id)
			return &streams[i];
	return NULL;
}

static ssize_t send_frame(const struct stream *stream, int socket)
{
	char control[CMSG_SPACE(sizeof(uint64_t))] = {0};
	struct iovec part = {stream->frame, stream->size};
	struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};

	if (stream->ahead) {
		uint64_t due = (uint64_t)((seconds_now() + stream->ahead) * 1e9);
		struct cmsghdr *header = (struct cmsghdr *)control;

		message.msg_control = control;
		message.msg_controllen = sizeof(control);
		header->cmsg_level = SOL_SOCKET;
		header->cmsg_type = SCM_TXTIME;
		header->cmsg_len = CMSG_LEN(sizeof(due));
		memcpy(CMSG_DATA(header), &due, sizeof(due));
	}
	return sendmsg(socket, &message, MSG_DONTWAIT);
}

/* What a sender that was kept from its CPU did not send is not sent later in a burst: 10 ms are saved up, no more. */
static void *run_stream(void *argument)
{
	struct stream *stream = argument;
	struct pollfd end = {stream->wake, POLLIN, 0};
	double start = seconds_now();
	uint64_t granted = 0, turn = 0;

	while (poll(&end, 1, 2) == 0) {
		uint64_t due = (uint64_t)((seconds_now() - start) * stream->rate), most;

		due -= due % stream->lump;
		most = stream->lump + (uint64_t)(stream->rate / 100);
		if (due - granted > most)
			granted = due - most;
		for (; granted < due; granted++) {
			if (send_frame(stream, stream->sockets[turn++ % stream->n_sockets]) < 0)
				tally_add(&stream->errors, errno);
			else
				stream->sent++;
		}
	}
	return NULL;
}

static void free_stream(struct stream *stream)
{
	while (stream->n_sockets)
		close(stream->sockets[--stream->n_sockets]);
	if (stream->wake >= 0)
		close(stream->wake);
	free(stream->frame);
	free(stream);
}

/* Queue n of `queues` from `queue` on, where the device's steering program asks for the mark. */
static int open_sockets(struct stream *stream, const char *device, int argc, char **argv)
{
	const struct sock_txtime time = {.clockid = CLOCK_MONOTONIC};
	unsigned int first = option(argc, argv, "queue", 0);
	int n = option(argc, argv, "queues", 1);

	if (n < 1 || n > MAX_QUEUES)
		return -EINVAL;
	for (int i = 0; i < n; i++) {
		unsigned int mark = first + i;
		int fd = open_packet(device, 0);

		if (fd < 0)
			return fd;
		stream->sockets[stream->n_sockets++] = fd;
		if (setsockopt(fd, SOL_SOCKET, SO_MARK, &mark, sizeof(mark)))
			return -errno;
		if (stream->ahead && setsockopt(fd, SOL_SOCKET, SO_TXTIME, &time, sizeof(time)))
			return -errno;
	}
	return 0;
}

static int start_stream(struct stream *stream, int argc, char **argv)
{
	int error = open_sockets(stream, argv[2], argc - 5, argv + 5);

	if (error)
		return error;
	stream->frame = malloc(stream->size);
	if (!stream->frame || !build_frame(stream->frame, stream->size, is_ethernet(stream->sockets[0], argv[2])))
		return -EINVAL;
	if (has_word(argc - 5, argv + 5, "unicast"))
		make_unicast(stream->frame);
	if (has_word(argc - 5, argv + 5, "ipv4"))
		make_ipv4(stream->frame, stream->size);
	stream->wake = eventfd(0, EFD_CLOEXEC);
	return stream->wake < 0 ? -errno : -pthread_create(&stream->thread, NULL, run_stream, stream);
}

int stream_start(int argc, char **argv, struct answer *out)
{
	struct stream **slot = find_stream(""), *stream;
	int error;

	(void)out;
	if (!slot || find_stream(argv[1]) || strlen(argv[1]) >= sizeof(stream->id))
		return slot ? -EEXIST : -EMFILE;
	stream = calloc(1, sizeof(*stream));
	if (!stream)
		return -ENOMEM;
	strcpy(stream->id, argv[1]);
	stream->rate = atof(argv[3]);
	stream->size = strtoul(argv[4], NULL, 10);
	stream->lump = option(argc - 5, argv + 5, "lump", 1);
	stream->ahead = option(argc - 5, argv + 5, "ahead", 0);
	stream->wake = -1;
	error = stream->lump > 0 ? start_stream(stream, argc, argv) : -EINVAL;
	if (error)
		free_stream(stream);
	else
		*slot = stream;
	return error;
}

int stream_stop(int argc, char **argv, struct answer *out)
{
	struct stream **slot = find_stream(argv[1]), *stream = slot ? *slot : NULL;

	(void)argc;
	if (!stream)
		return -ENOENT;
	if (eventfd_write(stream->wake, 1))
		return -errno;
	pthread_join(stream->thread, NULL);
	answer_count(out, "sent", stream->sent);
	answer_errors(out, &stream->errors);
	free_stream(stream);
	*slot = NULL;
	return 0;
}

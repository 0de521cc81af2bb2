// SPDX-License-Identifier: Apache-2.0
// A thread that reads a queue, at a rate or all there is, until it is stopped.
#define _GNU_SOURCE
#include "traffic.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

struct reader {
	pthread_t thread;
	struct queue *queue;
	double rate; /* packets per second, 0: as fast as they come */
	double work; /* seconds of it that each packet makes */
	size_t room; /* bytes that it reads at once; the kernel cuts off the rest */
	int wake;    /* readable: the thread is to end */
	/* Written by the thread, read by main after pthread_join. */
	uint64_t packets, bytes;
	struct tally errors;
};

enum { ROOM = 65536 + 64 };

static ssize_t read_into(const struct queue *queue, size_t room)
{
	static __thread uint8_t buffer[ROOM];
	ssize_t size = read(queue->fd, buffer, room < ROOM ? room : ROOM);

	return size < 0 ? -errno : size - (ssize_t)queue->header;
}

ssize_t read_one(const struct queue *queue)
{
	return read_into(queue, ROOM);
}

static void work(double seconds)
{
	for (double end = seconds_now() + seconds; seconds > 0 && seconds_now() < end;)
		;
}

/* Reads until budget packets came, the queue is empty, or it refuses. */
static void take(struct reader *reader, uint64_t budget)
{
	while (budget--) {
		ssize_t size = read_into(reader->queue, reader->room);

		if (size == -EAGAIN)
			return;
		if (size < 0) {
			tally_add(&reader->errors, -size);
			return;
		}
		reader->packets++;
		reader->bytes += size;
		work(reader->work);
	}
}

/* Sleeps until there is something to read, at most 2 ms where polling the queue itself would return at once. */
static bool wait_for_work(struct reader *reader, bool paced)
{
	struct pollfd events[2] = {{reader->wake, POLLIN, 0}, {reader->queue->fd, POLLIN, 0}};

	if (poll(events, 2, -1) > 0 && events[0].revents)
		return false;
	/* A queue whose device was deleted is always "ready", with POLLERR. */
	if (paced || !(events[1].revents & POLLIN))
		poll(events, 1, 2);
	return !events[0].revents;
}

static void *run_reader(void *argument)
{
	struct reader *reader = argument;
	double start = seconds_now();
	uint64_t granted = 0;

	while (wait_for_work(reader, reader->rate > 0)) {
		uint64_t due = reader->rate > 0 ? (uint64_t)((seconds_now() - start) * reader->rate) : granted + 64;

		/* A queue that was empty for long does not get a burst for it: 10 ms are saved up, no more. */
		if (due - granted > reader->rate / 100 + 64)
			granted = due - (uint64_t)(reader->rate / 100) - 64;
		take(reader, due - granted);
		granted = due;
	}
	return NULL;
}

int read_loop(int argc, char **argv, struct answer *out)
{
	struct queue *queue = find_queue(argv[1]);
	struct reader *reader;
	int error;

	(void)out;
	if (!queue)
		return -ENOENT;
	if (queue->reader)
		return -EBUSY;
	reader = calloc(1, sizeof(*reader));
	if (!reader)
		return -ENOMEM;
	reader->queue = queue;
	reader->rate = atof(argv[2]);
	reader->work = option(argc, argv, "work", 0) * 1e-6;
	reader->room = option(argc, argv, "buffer", ROOM);
	reader->wake = eventfd(0, EFD_CLOEXEC);
	error = reader->wake < 0 ? errno : pthread_create(&reader->thread, NULL, run_reader, reader);
	if (error) {
		free(reader);
		return -error;
	}
	queue->reader = reader;
	return 0;
}

int read_stop(int argc, char **argv, struct answer *out)
{
	struct queue *queue = find_queue(argv[1]);
	struct reader *reader = queue ? queue->reader : NULL;

	(void)argc;
	if (!reader)
		return -ENOENT;
	if (eventfd_write(reader->wake, 1))
		return -errno;
	pthread_join(reader->thread, NULL);
	answer_count(out, "packets", reader->packets);
	answer_count(out, "bytes", reader->bytes);
	answer_errors(out, &reader->errors);
	close(reader->wake);
	free(reader);
	queue->reader = NULL;
	return 0;
}

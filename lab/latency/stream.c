// SPDX-License-Identifier: Apache-2.0
// A steady stream into a tap, which a blocked reader takes: what is lost, how long each packet took, and the longest
// time without one. The sender's timer and both threads have priority over all other tasks. So a packet waits only
// while the kernel has preemption or interrupts off, never for another task.
#define _GNU_SOURCE
#include "samples.h"
#include "../cost/driver.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define TAP "steady"

enum { SENDER = 50, READER = 51, WAIT_MS = 1000 };

static int queue, socket_;
static uint64_t interval;
static pthread_t sender, reader;
static atomic_bool ending;
/* Each has one writer; main reads them when both threads have ended, and `packets_read` before. */
static uint64_t packets_sent, packets_refused;
static _Atomic uint64_t packets_read;
static struct samples passages, gaps;

static void *send_steadily(void *unused)
{
	uint8_t frame[60] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2, 0, 0, 0, 0, 2, 0x88, 0xb5};
	uint64_t due = nanoseconds_now();

	(void)unused;
	while (!ending) {
		uint64_t now = nanoseconds_now();
		struct timespec time;

		/* What was due while it was kept from its CPU is not sent later in a burst. */
		due = due + interval > now ? due + interval : now + interval;
		time = (struct timespec){due / 1000000000, due % 1000000000};
		clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &time, NULL);
		now = nanoseconds_now();
		memcpy(frame + 14, &now, sizeof(now));
		if (send(socket_, frame, sizeof(frame), 0) > 0)
			packets_sent++;
		else
			packets_refused++;
	}
	return NULL;
}

static void *read_all(void *unused)
{
	uint8_t frame[4096];
	uint64_t last = 0;

	(void)unused;
	while (read(queue, frame, sizeof(frame)) > 0) {
		uint64_t now = nanoseconds_now(), sent;

		memcpy(&sent, frame + 14, sizeof(sent));
		samples_add(&passages, now - sent);
		if (last)
			samples_add(&gaps, now - last);
		last = now;
		packets_read++;
	}
	return NULL;
}

static void start_thread(pthread_t *thread, void *(*run)(void *), int priority)
{
	struct sched_param parameter = {.sched_priority = priority};
	pthread_attr_t attributes;

	pthread_attr_init(&attributes);
	pthread_attr_setinheritsched(&attributes, PTHREAD_EXPLICIT_SCHED);
	pthread_attr_setschedpolicy(&attributes, SCHED_FIFO);
	pthread_attr_setschedparam(&attributes, &parameter);
	if (pthread_create(thread, &attributes, run, NULL))
		fail("cannot start a thread of SCHED_FIFO");
	pthread_attr_destroy(&attributes);
}

void stream_start(long microseconds)
{
	if (!queue) {
		queue = open_queue(TAP, 0);
		set_up(TAP, 1000, "noqueue");
		socket_ = open_sender(TAP, 0);
		fcntl(queue, F_SETFL, 0); /* read() blocks */
	}
	interval = microseconds * 1000;
	packets_sent = packets_refused = packets_read = 0;
	ending = false;
	start_thread(&reader, read_all, READER);
	start_thread(&sender, send_steadily, SENDER);
}

void stream_stop(void)
{
	ending = true;
	pthread_join(sender, NULL);
	for (int i = 0; packets_read < packets_sent && i < WAIT_MS; i++)
		sleep_us(1000);
	pthread_cancel(reader);
	pthread_join(reader, NULL);
	printf("\"sent\":%lu,\"refused\":%lu,\"read\":%lu,", packets_sent, packets_refused, packets_read);
	samples_print("passage", &passages);
	printf(",");
	samples_print("gap", &gaps);
}

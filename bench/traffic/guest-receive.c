// SPDX-License-Identifier: Apache-2.0
// A guest that receives in the background: at full speed, at a rate, or in lumps, until it is told to stall.
#include "guest.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

struct receiver {
	pthread_t thread;
	struct guest *guest;
	double rate;   /* buffers posted per second, 0: each as soon as it is free */
	uint64_t lump; /* so many at a time */
	int wake;      /* readable: the thread is to end */
};

/* True until the thread is to end. */
static bool wait_for(struct receiver *receiver, int other, int milliseconds)
{
	struct pollfd events[2] = {{receiver->wake, POLLIN, 0}, {other, POLLIN, 0}};
	eventfd_t signals;

	poll(events, 2, milliseconds);
	if (events[1].revents)
		eventfd_read(other, &signals);
	return !events[0].revents;
}

static void receive_all(struct receiver *receiver)
{
	struct guest *guest = receiver->guest;

	do {
		virtqueue_want_calls(&guest->receives, false);
		do
			guest_reap(guest);
		while (guest_post(guest, guest->receives.entries));
		virtqueue_want_calls(&guest->receives, true);
		guest_reap(guest);
	} while (guest_post(guest, guest->receives.entries) || wait_for(receiver, guest->call, -1));
}

/* Buffers that were not needed are not posted later in a burst: at most the ring's are out. */
static void receive_paced(struct receiver *receiver)
{
	double start = seconds_now();
	uint64_t granted = 0;

	virtqueue_want_calls(&receiver->guest->receives, false);
	while (wait_for(receiver, -1, 1)) {
		uint64_t due = (uint64_t)((seconds_now() - start) * receiver->rate);

		guest_reap(receiver->guest);
		due -= due % receiver->lump;
		guest_post(receiver->guest, due - granted);
		granted = due;
	}
}

static void *run_receiver(void *argument)
{
	struct receiver *receiver = argument;

	if (receiver->rate > 0)
		receive_paced(receiver);
	else
		receive_all(receiver);
	return NULL;
}

int guest_receive(int argc, char **argv, struct answer *out)
{
	struct guest *guest = find_guest(argv[1]);
	struct receiver *receiver;
	int error;

	(void)out;
	if (!guest || guest->receiver)
		return guest ? -EBUSY : -ENOENT;
	receiver = calloc(1, sizeof(*receiver));
	if (!receiver)
		return -ENOMEM;
	receiver->guest = guest;
	receiver->rate = atof(argv[2]);
	receiver->lump = option(argc, argv, "lump", 1);
	receiver->wake = eventfd(0, EFD_CLOEXEC);
	error = receiver->wake < 0 ? errno : pthread_create(&receiver->thread, NULL, run_receiver, receiver);
	if (error) {
		free(receiver);
		return -error;
	}
	guest->receiver = receiver;
	return 0;
}

int guest_stall(int argc, char **argv, struct answer *out)
{
	struct guest *guest = find_guest(argv[1]);
	struct receiver *receiver = guest ? guest->receiver : NULL;

	if (!receiver)
		return -ENOENT;
	if (eventfd_write(receiver->wake, 1))
		return -errno;
	pthread_join(receiver->thread, NULL);
	close(receiver->wake);
	free(receiver);
	guest->receiver = NULL;
	return guest_received(argc, argv, out);
}

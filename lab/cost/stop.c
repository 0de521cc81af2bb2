// SPDX-License-Identifier: Apache-2.0
// A tap that stops its queue instead of dropping (IFF_BACKPRESSURE, Linux 7.3): the price of a packet from send()
// through fq_codel and a ring that is stopped and woken again and again, to read().
#include "driver.h"

#include <fcntl.h>
#include <linux/if_tun.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <unistd.h>

#ifndef IFF_BACKPRESSURE
#define IFF_BACKPRESSURE 0x0080 /* Linux 7.3 */
#endif

#define TAP "stop"

/* As many packets again wait in the qdisc while the queue is stopped. */
enum { SMALL_RING = 100 };

static int queue, sender;

static int tun_features(void)
{
	int features = 0, fd = open("/dev/net/tun", O_RDWR);

	if (fd < 0 || ioctl(fd, TUNGETFEATURES, &features))
		fail("tun does not say what it can do");
	close(fd);
	return features;
}

static void set_up_once(void)
{
	queue = open_queue(TAP, IFF_BACKPRESSURE);
	set_up(TAP, SMALL_RING, "fq_codel");
	sender = open_sender(TAP, 0);
	/* A reader that waits leaves the CPU to the softirq that the wake has raised. */
	if (fcntl(queue, F_SETFL, 0))
		fail("the queue of %s does not block", TAP);
}

static void clock_round(struct figure *figure)
{
	char buffer[4096];
	uint64_t start, end;

	alarm(60); /* a packet that was lost would be waited for */
	run_alone(1);
	start = nanoseconds_now();
	for (int sent = 0; sent < RING; sent += 2 * SMALL_RING) {
		for (int i = 0; i < 2 * SMALL_RING; i++)
			send_frame(sender);
		for (int i = 0; i < 2 * SMALL_RING; i++)
			if (read(queue, buffer, sizeof(buffer)) <= 0)
				fail("%s cannot be read", TAP);
	}
	end = nanoseconds_now();
	run_alone(0);
	alarm(0);
	figure_add(figure, end - start, RING);
}

void measure_stop(int rounds)
{
	struct figure cycle = {.rounds = 0};

	if (!(tun_features() & IFF_BACKPRESSURE))
		return;
	if (!queue)
		set_up_once();
	for (int i = 0; i <= rounds; i++)
		clock_round(&cycle);
	if (device_counter(TAP, "tx_dropped") != 0)
		fail("%s dropped packets instead of stopping", TAP);
	figure_print("cycle", &cycle);
}

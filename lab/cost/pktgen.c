// SPDX-License-Identifier: Apache-2.0
// pktgen through the qdisc (xmit_mode queue_xmit: start_xmit would go around net_dev_start_xmit) into the ring. Its own
// kernel thread's CPU time is the figure, so other work of the VM is no part of it.
#include "driver.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

struct burst {
	double nanoseconds;
	uint64_t packets, dropped;
};

#define TAP "pktgen"

static int thread, queue;

/* Returns 0, or an errno: not every kernel knows every flag. */
static int tell(const char *file, const char *text)
{
	char path[128];
	int fd, error = 0;

	snprintf(path, sizeof(path), "/proc/net/pktgen/%s", file);
	fd = open(path, O_WRONLY);
	if (fd < 0)
		fail("no %s: is the module pktgen loaded?", path);
	if (write(fd, text, strlen(text)) < 0)
		error = errno;
	close(fd);
	return error;
}

static void set_up_once(void)
{
	static const char *const settings[] = {"count 0",
					       "pkt_size 60",
					       "clone_skb 0",
					       "delay 0",
					       "dst 10.9.9.9",
					       "dst_mac 02:00:00:00:00:01",
					       "xmit_mode queue_xmit"};

	queue = open_queue(TAP, 0);
	set_up(TAP, RING, "pfifo_fast");
	tell("kpktgend_0", "add_device " TAP "\n");
	/* A shared skb's drop goes untraced; kernels before 6.5 know no other kind. */
	tell(TAP, "flag !SHARED\n");
	for (size_t i = 0; i < sizeof(settings) / sizeof(settings[0]); i++)
		if (tell(TAP, settings[i]))
			fail("pktgen refuses '%s'", settings[i]);
	thread = find_thread("kpktgend_0");
}

/* Packets that the device took and refused. */
static uint64_t sent(void)
{
	char text[4096] = "", *at;
	uint64_t packets = 0;
	FILE *file = fopen("/proc/net/pktgen/" TAP, "r");

	if (!file || fread(text, 1, sizeof(text) - 1, file) == 0)
		fail("cannot read what pktgen did");
	fclose(file);
	at = strstr(text, "pkts-sofar:");
	packets += at ? strtoull(at + 11, NULL, 10) : 0;
	for (at = strstr(text, "errors:"); at && strstr(at + 7, "errors:");)
		at = strstr(at + 7, "errors:");
	return packets + (at ? strtoull(at + 7, NULL, 10) : 0);
}

static uint64_t dropped(void)
{
	return device_counter(TAP, "tx_dropped");
}

/*
 * Runs pktgen until the device has dropped that many packets. The write of "start" returns when the run has ended,
 * hence the child; that packets were dropped also says that the thread runs: a "stop" before that would be lost.
 */
static struct burst run_burst(uint64_t drops)
{
	uint64_t time = thread_nanoseconds(thread), before = dropped();
	pid_t child = fork();

	if (child == 0) {
		tell("pgctrl", "start\n");
		_exit(0);
	}
	for (int i = 0; dropped() - before < drops; i++) {
		if (i == 10000)
			fail("pktgen does not fill the ring of " TAP);
		sleep_us(1000);
	}
	tell("pgctrl", "stop\n");
	waitpid(child, NULL, 0);
	sleep_us(5000);
	return (struct burst){thread_nanoseconds(thread) - time, sent(), dropped() - before};
}

void measure_pktgen(int rounds)
{
	struct figure enqueue = {.rounds = 0}, drop = {.rounds = 0};

	if (!thread)
		set_up_once();
	for (int i = 0; i <= rounds; i++) {
		/* The first burst fills the ring and drops some more, the second only drops: that prices the first
		 * one's drops. */
		struct burst filling = run_burst(1);
		struct burst full = run_burst(2 * RING);
		double each = full.nanoseconds / full.packets;

		if (filling.packets - filling.dropped != RING || full.packets != full.dropped)
			fail("pktgen: %llu of %llu, then %llu of %llu packets dropped",
			     (unsigned long long)filling.dropped, (unsigned long long)filling.packets,
			     (unsigned long long)full.dropped, (unsigned long long)full.packets);
		figure_add(&drop, full.nanoseconds, full.packets);
		figure_add(&enqueue, filling.nanoseconds - filling.dropped * each, RING);
		drain(queue);
	}
	figure_print("enqueue", &enqueue);
	printf(",");
	figure_print("drop", &drop);
}

// SPDX-License-Identifier: Apache-2.0
// latency-driver: clocks single packets. On stdin "packets COUNT", "stream MICROSECONDS" or "stop 0"; each answers with
// one line of JSON. In a VM on the instruction clock a nanosecond is an instruction.
#include "samples.h"
#include "../cost/driver.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define TAP "single"

/* One send() into a ring with room, then one read() of that packet. */
static void measure_packets(long count)
{
	static struct samples sends, reads;
	static int queue, sender;
	char buffer[4096];

	if (!queue) {
		queue = open_queue(TAP, 0);
		set_up(TAP, RING, "noqueue");
		sender = open_sender(TAP, 0);
	}
	/* The first RING warm up: pages, slabs, the emulator's translations. */
	for (long i = -RING; i < count; i++) {
		/* In parts: after most of a second alone the kernel gives others their share. */
		if (i % RING == 0)
			run_alone(1);
		uint64_t begun = nanoseconds_now();
		int taken = send_frame(sender);
		uint64_t sent = nanoseconds_now();
		ssize_t size = read(queue, buffer, sizeof(buffer));
		uint64_t end = nanoseconds_now();

		if (!taken || size <= 0)
			fail("packet %ld of %ld was lost", i, count);
		if (i >= 0) {
			samples_add(&sends, sent - begun);
			samples_add(&reads, end - sent);
		}
		if (i % RING == RING - 1 || i == -1 || i == count - 1)
			run_alone(0);
	}
	samples_print("send", &sends);
	printf(",");
	samples_print("read", &reads);
}

static void obey(const char *word, long number)
{
	printf("{");
	if (strcmp(word, "packets") == 0)
		measure_packets(number);
	else if (strcmp(word, "stream") == 0)
		stream_start(number);
	else if (strcmp(word, "stop") == 0)
		stream_stop();
	else
		fail("no command '%s'", word);
	printf("}\n");
}

int main(void)
{
	char line[128], word[32];
	long number;

	write_setting("/proc/sys/net/ipv6/conf/default/disable_ipv6", "1");
	setvbuf(stdout, NULL, _IOLBF, 0);
	while (fgets(line, sizeof(line), stdin) && sscanf(line, "%31s %ld", word, &number) == 2)
		obey(word, number);
	return 0;
}

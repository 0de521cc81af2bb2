// SPDX-License-Identifier: Apache-2.0
// The price of one write() into a tap whose frames a bridge sends on, to a dummy.
#include "driver.h"

#include <stdio.h>
#include <unistd.h>

#define NEIGHBOUR "02:00:00:00:00:03"

/* A bridge of the tap and `out`, behind which the neighbour is. */
static int open_bridged(const char *tap, const char *bridge, const char *out)
{
	int queue = open_queue(tap, 0);

	run("ip link add %s type bridge forward_delay 0 mcast_snooping 0%s", bridge, "");
	set_up(bridge, RING, NULL);
	run("ip link set %s master %s", tap, bridge);
	run("ip link set %s master %s", out, bridge);
	set_up(tap, RING, NULL);
	set_up(out, RING, NULL);
	run("bridge fdb add " NEIGHBOUR " dev %s master static%s", out, "");
	return queue;
}

static void clock_round(struct figure *figure, int queue, const char *out)
{
	static const uint8_t frame[60] = {2, 0, 0, 0, 0, 3, 2, 0, 0, 0, 0, 2, 0x88, 0xb6};
	uint64_t taken = device_counter(out, "tx_packets"), start, end;

	run_alone(1);
	start = nanoseconds_now();
	for (int i = 0; i < RING; i++)
		if (write(queue, frame, sizeof(frame)) != sizeof(frame))
			fail("a frame for %s was refused", out);
	end = nanoseconds_now();
	run_alone(0);
	figure_add(figure, end - start, RING);
	taken = device_counter(out, "tx_packets") - taken;
	if (taken != RING)
		fail("%d frames were written and %s sent %d", RING, out, (int)taken);
}

void measure_forward(int rounds)
{
	static int queue;
	struct figure forward = {.rounds = 0};

	if (!queue) {
		add_dummy("beside", NULL);
		queue = open_bridged("forwarded", "bridge0", "beside");
	}
	for (int i = 0; i <= rounds; i++)
		clock_round(&forward, queue, "beside");
	figure_print("forward", &forward);
}

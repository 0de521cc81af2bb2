// SPDX-License-Identifier: Apache-2.0
// The price of one write() into a tap whose frames a bridge sends on, to a dummy.
#include "driver.h"

#include <stddef.h>

#define OUT	  "beside"
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

static uint64_t sent_on(void)
{
	static uint64_t before;
	uint64_t now = device_counter(OUT, "tx_packets"), packets = now - before;

	before = now;
	return packets;
}

void measure_forward(int rounds)
{
	static const uint8_t frame[WRITTEN_BYTES] = {2, 0, 0, 0, 0, 3, 2, 0, 0, 0, 0, 2, 0x88, 0xb6};
	static int queue;
	struct figure forward = {.rounds = 0};

	if (!queue) {
		add_dummy(OUT, NULL);
		queue = open_bridged("forwarded", "bridge0", OUT);
	}
	for (int i = 0; i <= rounds; i++)
		clock_writes(&forward, queue, frame, sent_on);
	figure_print("forward", &forward);
}

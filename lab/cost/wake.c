// SPDX-License-Identifier: Apache-2.0
// The price of a packet that wakes a foreign queue. It is redirected through an ifb whose queue holds no packet: each
// packet stops that queue, and a wake lets it go.
#include "driver.h"

#include <stddef.h>
#include <stdint.h>

#define SENDING "sending"
#define WAKING	"waking"

static int sender;

static void set_up_once(void)
{
	run("ip link add %s type ifb%s", WAKING, "");
	set_up(WAKING, 0, NULL);
	add_dummy(SENDING, NULL);
	sender = open_sender(SENDING, 0);
}

static void clock_round(struct figure *figure)
{
	uint64_t start, end;

	run_alone(1);
	start = nanoseconds_now();
	for (int i = 0; i < RING; i++)
		send_frame(sender);
	end = nanoseconds_now();
	run_alone(0);
	figure_add(figure, end - start, RING);
}

void measure_wake(int rounds)
{
	struct figure wake = {.rounds = 0};
	uint64_t through;

	if (!sender)
		set_up_once();
	run("tc qdisc add dev %s clsact%s", SENDING, "");
	run("tc filter add dev %s egress matchall action mirred egress redirect dev %s", SENDING, WAKING);
	through = device_counter(SENDING, "tx_packets");
	for (int i = 0; i <= rounds; i++)
		clock_round(&wake);
	through = device_counter(SENDING, "tx_packets") - through;
	/* One that comes to a stopped queue is lost. */
	if (through != RING * (rounds + 1ULL))
		fail("%lu of %llu packets went through %s", through, RING * (rounds + 1ULL), WAKING);
	/* While a process has one, every packet of the host looks for filters. */
	run("tc qdisc del dev %s clsact%s", SENDING, "");
	figure_print("wake", &wake);
}

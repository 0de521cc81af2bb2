// SPDX-License-Identifier: Apache-2.0
// Drops of packets without a device: the price of closing a Unix socket, for each datagram that waits in it.
#include "driver.h"

#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

static void clock_round(struct figure *figure)
{
	static const char datagram[60];
	int pair[2], room = RING * 2048;
	uint64_t start, end;

	if (socketpair(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0, pair) ||
	    setsockopt(pair[0], SOL_SOCKET, SO_SNDBUFFORCE, &room, sizeof(room)))
		fail("no pair of Unix sockets");
	for (int i = 0; i < RING; i++)
		if (send(pair[0], datagram, sizeof(datagram), 0) != sizeof(datagram))
			fail("a Unix socket took %d datagrams of %d", i, RING);
	run_alone(1);
	start = nanoseconds_now();
	close(pair[1]);
	end = nanoseconds_now();
	run_alone(0);
	close(pair[0]);
	figure_add(figure, end - start, RING);
}

void measure_unix_socket(int rounds)
{
	struct figure drop = {.rounds = 0};
	char most[16];

	snprintf(most, sizeof(most), "%d", RING);
	write_setting("/proc/sys/net/unix/max_dgram_qlen", most);
	for (int i = 0; i <= rounds; i++)
		clock_round(&drop);
	figure_print("drop", &drop);
}

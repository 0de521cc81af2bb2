// SPDX-License-Identifier: Apache-2.0
// A packet socket into a device without qdisc: the price of one send(), system call included, when the ring has room,
// when it is full, and into a device that is none of ours.
#include "driver.h"

#include <arpa/inet.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

static int open_sender(const char *device)
{
	struct sockaddr_ll to = {.sll_family = AF_PACKET, .sll_ifindex = if_nametoindex(device)};
	int fd = socket(AF_PACKET, SOCK_RAW, 0);

	if (fd < 0 || bind(fd, (struct sockaddr *)&to, sizeof(to)))
		fail("no packet socket on %s", device);
	return fd;
}

/* Sends RING frames of a local experimental type; returns how many were taken. */
static int send_ring(int fd, struct figure *figure)
{
	static const uint8_t frame[60] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2, 0, 0, 0, 0, 2, 0x88, 0xb5};
	int taken = 0;
	uint64_t start, end;

	run_alone(1);
	start = nanoseconds_now();
	for (int i = 0; i < RING; i++)
		taken += send(fd, frame, sizeof(frame), 0) > 0;
	end = nanoseconds_now();
	run_alone(0);
	figure_add(figure, end - start, RING);
	return taken;
}

void measure_packet(const struct tap *tap, int rounds)
{
	struct figure enqueue = {.rounds = 0}, drop = {.rounds = 0}, read = {.rounds = 0};
	int fd = open_sender(tap->name);

	drain(tap, NULL);
	for (int i = 0; i <= rounds; i++) {
		uint64_t dropped = tx_dropped(tap->name);
		int taken = send_ring(fd, &enqueue);

		if (taken != RING || send_ring(fd, &drop) != 0 || tx_dropped(tap->name) - dropped != RING)
			fail("%s: %d of %d packets found room", tap->name, taken, RING);
		if (drain(tap, &read) != RING)
			fail("%s: a packet of somebody else", tap->name);
	}
	close(fd);
	figure_print("enqueue", &enqueue);
	printf(",");
	figure_print("drop", &drop);
	printf(",");
	figure_print("read", &read);
}

void measure_foreign(const char *taking, const char *dropping, int rounds)
{
	struct figure packet = {.rounds = 0}, drop = {.rounds = 0};
	int to_taking = open_sender(taking), to_dropping = open_sender(dropping);
	uint64_t taken = device_counter(taking, "tx_packets");

	for (int i = 0; i <= rounds; i++) {
		send_ring(to_taking, &packet);
		send_ring(to_dropping, &drop);
	}
	taken = device_counter(taking, "tx_packets") - taken;
	if (taken != RING * (rounds + 1ULL) || device_counter(dropping, "tx_packets") != 0)
		fail("%s did not take every packet or %s took one", taking, dropping);
	close(to_taking);
	close(to_dropping);
	figure_print("packet", &packet);
	printf(",");
	figure_print("drop", &drop);
}

// SPDX-License-Identifier: Apache-2.0
// The price of one write() into a tap, from the writer up to the packet socket that takes what was written.
#include "driver.h"

#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <sys/socket.h>
#include <unistd.h>

#define TAP		       "written"
#define ETHERTYPE_EXPERIMENTAL 0x88b5

static int receiver;

/* The receiver's buffer holds a whole round: a full one would drop packets, at a cost that would be measured too. */
static int open_receiver(void)
{
	int room = RING * 2048, fd = socket(AF_PACKET, SOCK_RAW, htons(ETHERTYPE_EXPERIMENTAL));

	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof(room)))
		fail("no packet socket that receives");
	return fd;
}

static uint64_t take_all(void)
{
	char buffer[4096];
	uint64_t packets = 0;

	while (recv(receiver, buffer, sizeof(buffer), MSG_DONTWAIT) > 0)
		packets++;
	return packets;
}

void clock_writes(struct figure *figure, int queue, const uint8_t *frame, uint64_t (*arrived)(void))
{
	uint64_t start, end, packets;

	arrived();
	run_alone(1);
	start = nanoseconds_now();
	for (int i = 0; i < RING; i++)
		if (write(queue, frame, WRITTEN_BYTES) != WRITTEN_BYTES)
			fail("a tap refused a frame");
	end = nanoseconds_now();
	run_alone(0);
	figure_add(figure, end - start, RING);
	packets = arrived();
	if (packets != RING)
		fail("%d frames were written and %d arrived", RING, (int)packets);
}

void measure_write(int rounds)
{
	static const uint8_t frame[WRITTEN_BYTES] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2, 0, 0, 0, 0, 2, 0x88, 0xb5};
	static int queue;
	struct figure write = {.rounds = 0};

	if (!queue) {
		queue = open_queue(TAP, 0);
		set_up(TAP, RING, NULL);
		receiver = open_receiver();
	}
	for (int i = 0; i <= rounds; i++)
		clock_writes(&write, queue, frame, take_all);
	figure_print("write", &write);
}

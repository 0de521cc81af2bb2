// SPDX-License-Identifier: Apache-2.0
// A packet socket into a device without qdisc: the price of one send(), system call included, when the ring has room
// and when it is full, and of one read(). One ring; the rings of many devices or queues, each in its turn; devices that
// are none of ours.
#include "driver.h"
#include "../steering.h"

#include <linux/if_tun.h>
#include <stdio.h>
#include <sys/resource.h>
#include <unistd.h>

/* A ring of a device holds so many: what its overflow costs once is spread over as many packets as in a small real one.
 */
enum { DEVICES = 1000, EACH = 128, QUEUES = 8 };

/* Rings that take turns; together they hold so many packets. */
struct lanes {
	int count, packets;
	struct lane {
		int queue, sender;
	} each[DEVICES];
};

/* Returns how many were taken. */
static int send_ring(const struct lanes *lanes, struct figure *figure)
{
	int taken = 0;
	uint64_t start, end;

	run_alone(1);
	start = nanoseconds_now();
	for (int i = 0, at = 0; i < lanes->packets; i++) {
		taken += send_frame(lanes->each[at].sender);
		at = at + 1 < lanes->count ? at + 1 : 0;
	}
	end = nanoseconds_now();
	run_alone(0);
	figure_add(figure, end - start, lanes->packets);
	return taken;
}

static int read_ring(const struct lanes *lanes, struct figure *figure)
{
	char buffer[4096];
	int packets = 0;
	uint64_t start, end;

	run_alone(1);
	start = nanoseconds_now();
	for (int i = 0, at = 0; i < lanes->packets; i++) {
		packets += read(lanes->each[at].queue, buffer, sizeof(buffer)) > 0;
		at = at + 1 < lanes->count ? at + 1 : 0;
	}
	end = nanoseconds_now();
	run_alone(0);
	figure_add(figure, end - start, lanes->packets);
	return packets;
}

static void measure(const struct lanes *lanes, int rounds)
{
	struct figure enqueue = {.rounds = 0}, drop = {.rounds = 0}, read = {.rounds = 0};

	for (int i = 0; i <= rounds; i++) {
		int enqueued = send_ring(lanes, &enqueue), taken = send_ring(lanes, &drop), packets;

		packets = read_ring(lanes, &read);
		if (enqueued != lanes->packets || taken != 0 || packets != lanes->packets)
			fail("%d rings: %d packets found room, %d when full, %d were read", lanes->count, enqueued,
			     taken, packets);
	}
	figure_print("enqueue", &enqueue);
	printf(",");
	figure_print("drop", &drop);
	printf(",");
	figure_print("read", &read);
}

void measure_packet(int rounds)
{
	static struct lanes one = {.packets = RING};

	if (!one.count) {
		one.count = 1;
		one.each[0].queue = open_queue("tap0", 0);
		set_up("tap0", RING, NULL);
		one.each[0].sender = open_sender("tap0", 0);
	}
	measure(&one, rounds);
}

void measure_devices(int rounds)
{
	static struct lanes many = {.packets = DEVICES * EACH};
	struct rlimit files = {2 * DEVICES + 100, 2 * DEVICES + 100};

	if (!many.count && setrlimit(RLIMIT_NOFILE, &files))
		fail("cannot open %d files", 2 * DEVICES);
	for (; many.count < DEVICES; many.count++) {
		struct lane *lane = &many.each[many.count];
		char name[16];

		snprintf(name, sizeof(name), "many%d", many.count);
		lane->queue = open_queue(name, 0);
		set_up(name, EACH, NULL);
		lane->sender = open_sender(name, 0);
	}
	measure(&many, rounds);
}

void measure_queues(int rounds)
{
	static struct lanes queues = {.packets = RING};

	if (!queues.count) {
		for (; queues.count < QUEUES; queues.count++)
			queues.each[queues.count].queue = open_queue("queues", IFF_MULTI_QUEUE);
		if (steer_by_mark(queues.each[0].queue, true))
			fail("cannot steer packets to queues");
		set_up("queues", RING / QUEUES, NULL);
		for (int i = 0; i < QUEUES; i++)
			queues.each[i].sender = open_sender("queues", i);
	}
	measure(&queues, rounds);
}

void measure_foreign(int rounds)
{
	static struct lanes taking = {.count = 1, .packets = RING}, dropping = {.count = 1, .packets = RING};
	struct figure packet = {.rounds = 0}, drop = {.rounds = 0};
	uint64_t taken;

	if (!taking.each[0].sender) {
		add_dummy("taking", NULL);
		add_dummy("dropping", "blackhole");
		taking.each[0].sender = open_sender("taking", 0);
		dropping.each[0].sender = open_sender("dropping", 0);
	}
	taken = device_counter("taking", "tx_packets");
	for (int i = 0; i <= rounds; i++) {
		send_ring(&taking, &packet);
		send_ring(&dropping, &drop);
	}
	taken = device_counter("taking", "tx_packets") - taken;
	if (taken != RING * (rounds + 1ULL) || device_counter("dropping", "tx_packets") != 0)
		fail("the device 'taking' did not take every packet, or 'dropping' took one");
	figure_print("packet", &packet);
	printf(",");
	figure_print("drop", &drop);
}

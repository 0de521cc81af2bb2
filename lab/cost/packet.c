// SPDX-License-Identifier: Apache-2.0
// A packet socket into a device without qdisc: the price of one send(), system call included, when the ring has room
// and when it is full, and of one read(). One ring; the rings of many devices or queues, each in its turn; devices that
// are none of ours.
#include "driver.h"
#include "../test-reader/steering.h"

#include <linux/if_tun.h>
#include <stdio.h>
#include <sys/resource.h>
#include <unistd.h>

/*
 * A ring of a device holds so many: what its overflow costs once is spread over as many packets as in a small real one.
 * Devices take turns in groups, for what the allocator asks for a packet depends on how many others wait.
 */
enum { DEVICES = 1000, EACH = 128, GROUP = 40, QUEUES = 8 };

/* Rings that take turns; together they hold so many packets. */
struct lanes {
	int count, packets;
	struct lane {
		int queue, sender;
	} each[GROUP];
};

/* `done`: those that were not refused. */
struct tally {
	uint64_t nanoseconds, packets, done;
};

static void send_ring(const struct lanes *lanes, struct tally *tally)
{
	uint64_t start;

	run_alone(1);
	start = nanoseconds_now();
	for (int i = 0, at = 0; i < lanes->packets; i++) {
		tally->done += send_frame(lanes->each[at].sender);
		at = at + 1 < lanes->count ? at + 1 : 0;
	}
	tally->nanoseconds += nanoseconds_now() - start;
	run_alone(0);
	tally->packets += lanes->packets;
}

static void read_ring(const struct lanes *lanes, struct tally *tally)
{
	char buffer[4096];
	uint64_t start;

	run_alone(1);
	start = nanoseconds_now();
	for (int i = 0, at = 0; i < lanes->packets; i++) {
		tally->done += read(lanes->each[at].queue, buffer, sizeof(buffer)) > 0;
		at = at + 1 < lanes->count ? at + 1 : 0;
	}
	tally->nanoseconds += nanoseconds_now() - start;
	run_alone(0);
	tally->packets += lanes->packets;
}

static void add_round(struct figure *figure, const struct tally *tally)
{
	figure_add(figure, tally->nanoseconds, tally->packets);
}

static void measure(const struct lanes *groups, int count, int rounds)
{
	struct figure enqueue = {.rounds = 0}, drop = {.rounds = 0}, read = {.rounds = 0};

	for (int i = 0; i <= rounds; i++) {
		struct tally entered = {0}, refused = {0}, left = {0};

		for (int group = 0; group < count; group++) {
			send_ring(&groups[group], &entered);
			send_ring(&groups[group], &refused);
			read_ring(&groups[group], &left);
		}
		if (entered.done != entered.packets || refused.done != 0 || left.done != left.packets)
			fail("%d rings: of %lu packets %lu found room, %lu when full, %lu were read",
			     count * groups->count, entered.packets, entered.done, refused.done, left.done);
		add_round(&enqueue, &entered);
		add_round(&drop, &refused);
		add_round(&read, &left);
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
	measure(&one, 1, rounds);
}

void measure_devices(int rounds)
{
	static struct lanes groups[DEVICES / GROUP];
	struct rlimit files = {2 * DEVICES + 100, 2 * DEVICES + 100};

	if (!groups->count && setrlimit(RLIMIT_NOFILE, &files))
		fail("cannot open %d files", 2 * DEVICES);
	for (int i = 0; !groups[DEVICES / GROUP - 1].packets; i++) {
		struct lanes *group = &groups[i / GROUP];
		struct lane *lane = &group->each[group->count++];
		char name[16];

		snprintf(name, sizeof(name), "many%d", i);
		lane->queue = open_queue(name, 0);
		set_up(name, EACH, NULL);
		lane->sender = open_sender(name, 0);
		if (group->count == GROUP)
			group->packets = GROUP * EACH;
	}
	measure(groups, DEVICES / GROUP, rounds);
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
	measure(&queues, 1, rounds);
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
		struct tally one = {0}, other = {0};

		send_ring(&taking, &one);
		send_ring(&dropping, &other);
		add_round(&packet, &one);
		add_round(&drop, &other);
	}
	taken = device_counter("taking", "tx_packets") - taken;
	if (taken != RING * (rounds + 1ULL) || device_counter("dropping", "tx_packets") != 0)
		fail("the device 'taking' did not take every packet, or 'dropping' took one");
	figure_print("packet", &packet);
	printf(",");
	figure_print("drop", &drop);
}

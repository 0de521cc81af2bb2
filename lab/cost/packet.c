// SPDX-License-Identifier: Apache-2.0
// A packet socket into a device without qdisc: the price of one send(), system call included, when the ring has room
// and when it is full, and of one read(). One ring; the rings of many devices or queues, each in its turn; devices that
// are none of ours.
#include "driver.h"
#include "../../test/test-reader/steering.h"

#include <linux/if_tun.h>
#include <stdio.h>
#include <sys/resource.h>
#include <unistd.h>

/* Where many take turns a ring holds so many: what its overflow costs once is spread over as many packets as in a small
 * real one. */
enum { DEVICES = 1000, EACH = 128, FEW_QUEUES = 4, MANY_QUEUES = 256 };

/* Rings that take turns; together they hold so many packets. */
struct lanes {
	int count, packets;
	struct lane {
		int queue, sender;
	} each[DEVICES];
};

/* `done`: those that were not refused. */
struct tally {
	uint64_t nanoseconds, packets, done;
};

/* In parts: after most of a second alone the kernel gives others their share, which would be clocked too. */
static void send_ring(const struct lanes *lanes, struct tally *tally)
{
	for (int i = 0, at = 0; i < lanes->packets;) {
		int end = i + RING < lanes->packets ? i + RING : lanes->packets;

		run_alone(1);
		uint64_t start = nanoseconds_now();

		for (; i < end; i++) {
			tally->done += send_frame(lanes->each[at].sender);
			at = at + 1 < lanes->count ? at + 1 : 0;
		}
		tally->nanoseconds += nanoseconds_now() - start;
		run_alone(0);
	}
	tally->packets += lanes->packets;
}

static void read_ring(const struct lanes *lanes, struct tally *tally)
{
	char buffer[4096];

	for (int i = 0, at = 0; i < lanes->packets;) {
		int end = i + RING < lanes->packets ? i + RING : lanes->packets;

		run_alone(1);
		uint64_t start = nanoseconds_now();

		for (; i < end; i++) {
			tally->done += read(lanes->each[at].queue, buffer, sizeof(buffer)) > 0;
			at = at + 1 < lanes->count ? at + 1 : 0;
		}
		tally->nanoseconds += nanoseconds_now() - start;
		run_alone(0);
	}
	tally->packets += lanes->packets;
}

static void add_round(struct figure *figure, const struct tally *tally)
{
	figure_add(figure, tally->nanoseconds, tally->packets);
}

static void measure(const struct lanes *lanes, int rounds)
{
	struct figure enqueue = {.rounds = 0}, drop = {.rounds = 0}, read = {.rounds = 0};

	for (int i = 0; i <= rounds; i++) {
		struct tally entered = {0}, refused = {0}, left = {0};

		send_ring(lanes, &entered);
		send_ring(lanes, &refused);
		read_ring(lanes, &left);
		if (entered.done != entered.packets || refused.done != 0 || left.done != left.packets)
			fail("%d rings: of %lu packets %lu found room, %lu when full, %lu were read", lanes->count,
			     entered.packets, entered.done, refused.done, left.done);
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
	measure(&one, rounds);
}

void measure_devices(int rounds)
{
	static struct lanes devices = {.packets = DEVICES * EACH};
	struct rlimit files = {2 * DEVICES + 2 * MANY_QUEUES + 100, 2 * DEVICES + 2 * MANY_QUEUES + 100};

	if (!devices.count && setrlimit(RLIMIT_NOFILE, &files))
		fail("cannot open %lu files", files.rlim_cur);
	for (; devices.count < DEVICES; devices.count++) {
		struct lane *lane = &devices.each[devices.count];
		char name[16];

		snprintf(name, sizeof(name), "many%d", devices.count);
		lane->queue = open_queue(name, 0);
		set_up(name, EACH, NULL);
		lane->sender = open_sender(name, 0);
	}
	measure(&devices, rounds);
}

static void measure_queues_of(const char *device, struct lanes *queues, int count, int rounds)
{
	if (!queues->count) {
		for (; queues->count < count; queues->count++)
			queues->each[queues->count].queue = open_queue(device, IFF_MULTI_QUEUE);
		if (steer_by_mark(queues->each[0].queue, true))
			fail("cannot steer packets to queues");
		set_up(device, EACH, NULL);
		for (int i = 0; i < count; i++)
			queues->each[i].sender = open_sender(device, i);
		queues->packets = count * EACH;
	}
	measure(queues, rounds);
}

void measure_few_queues(int rounds)
{
	static struct lanes queues;

	measure_queues_of("few", &queues, FEW_QUEUES, rounds);
}

void measure_many_queues(int rounds)
{
	static struct lanes queues;

	measure_queues_of("queues", &queues, MANY_QUEUES, rounds);
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

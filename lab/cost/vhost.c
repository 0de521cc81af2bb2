// SPDX-License-Identifier: Apache-2.0
// vhost-net without a guest. This process posts a buffer for each packet of a full ring and kicks once; vhost's worker
// takes packets out of the tap's ring in batches of 64.
#include "driver.h"
#include "../../bench/traffic/vhost-backend.h"

#include <linux/if_tun.h>
#include <sched.h>
#include <unistd.h>

#define TAP "vhost"

/* A power of two that has room for RING buffers. All buffers are one: what arrives is not read. */
enum { VRING = 4096, BUFFER = 2048 };

static struct vring_desc descriptors[VRING] __attribute__((aligned(16)));
static struct {
	uint16_t flags, index, ring[VRING];
} available;
static struct {
	uint16_t flags, index;
	struct vring_used_elem ring[VRING];
} used __attribute__((aligned(4)));
static uint8_t buffer[BUFFER];
static int queue, sender;
static struct vhost_kicks kicks;

static void set_up_once(void)
{
	const struct sched_param priority = {.sched_priority = 50};
	const struct vhost_guest guest = {
		.receives = {descriptors, &available, &used, VRING}, .memory = buffer, .memory_size = BUFFER};
	const char *refused;
	int worker, vhost;

	for (int i = 0; i < VRING; i++)
		descriptors[i] = (struct vring_desc){(uintptr_t)buffer, BUFFER, VRING_DESC_F_WRITE, 0};
	available.flags = VRING_AVAIL_F_NO_INTERRUPT;
	queue = open_queue(TAP, IFF_VNET_HDR);
	set_up(TAP, RING, NULL);
	sender = open_sender(TAP, 0);
	refused = connect_vhost(&guest, queue, &vhost, &kicks);
	if (refused)
		fail("vhost-net refuses %s", refused);
	worker = find_thread("vhost-");
	if (!worker || sched_setscheduler(worker, SCHED_FIFO, &priority))
		fail("vhost's worker is not to be found or cannot take SCHED_FIFO");
}

/* Posts RING buffers; the kick wakes the worker, which has the CPU until all are used. */
static void receive_ring(struct figure *figure)
{
	uint16_t until = used.index + RING;
	uint64_t one = 1, start, end;

	for (int i = 0; i < RING; i++)
		available.ring[(uint16_t)(available.index + i) % VRING] = (available.index + i) % VRING;
	__atomic_store_n(&available.index, available.index + RING, __ATOMIC_SEQ_CST);
	start = nanoseconds_now();
	if (write(kicks.receives, &one, sizeof(one)) != sizeof(one))
		fail("cannot kick vhost");
	end = nanoseconds_now();
	if (__atomic_load_n(&used.index, __ATOMIC_SEQ_CST) != until)
		fail("vhost has used only some of the buffers");
	figure_add(figure, end - start, RING);
}

void measure_vhost(int rounds)
{
	struct figure consume = {.rounds = 0};

	if (!queue)
		set_up_once();
	for (int i = 0; i <= rounds; i++) {
		int taken = 0;

		/* Without buffers the worker takes its first batch and sleeps until the kick. */
		for (int k = 0; k < RING; k++)
			taken += send_frame(sender);
		sleep_us(1000);
		if (taken != RING)
			fail("%s took %d packets of %d", TAP, taken, RING);
		receive_ring(&consume);
	}
	figure_print("consume", &consume);
}

// SPDX-License-Identifier: Apache-2.0
// vhost-net without a guest: this process posts a buffer for each packet of a full ring, kicks once, and vhost's worker
// takes packets out of the tap's ring in batches of 64.
#include "driver.h"

#include <fcntl.h>
#include <linux/if_tun.h>
#include <linux/vhost.h>
#include <linux/virtio_config.h>
#include <linux/virtio_ring.h>
#include <sched.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define TAP "vhost"

/* A power of two that has room for RING buffers. All buffers are one: nobody looks at what arrives. */
enum { VRING = 4096, HEADER = 12, BUFFER = 2048 };

static struct vring_desc descriptors[VRING] __attribute__((aligned(16)));
static struct {
	uint16_t flags, index, ring[VRING];
} available;
static struct {
	uint16_t flags, index;
	struct vring_used_elem ring[VRING];
} used __attribute__((aligned(4)));
static uint8_t buffer[BUFFER];
static int queue, sender, kick;

static void call(int vhost, unsigned long request, const char *name, void *argument)
{
	if (ioctl(vhost, request, argument))
		fail("vhost refuses %s", name);
}
#define CALL(vhost, request, argument) call(vhost, request, #request, argument)

/* Queue 0 of a virtio-net device is the one on which the guest receives. */
static void connect_ring(int vhost)
{
	struct vhost_vring_state size = {.num = VRING}, base = {.num = 0};
	struct vhost_vring_addr addresses = {.desc_user_addr = (uintptr_t)descriptors,
					     .avail_user_addr = (uintptr_t)&available,
					     .used_user_addr = (uintptr_t)&used};
	struct vhost_vring_file kicked = {.fd = kick = eventfd(0, 0)}, backend = {.fd = queue};

	for (int i = 0; i < VRING; i++)
		descriptors[i] = (struct vring_desc){(uintptr_t)buffer, BUFFER, VRING_DESC_F_WRITE, 0};
	available.flags = VRING_AVAIL_F_NO_INTERRUPT;
	CALL(vhost, VHOST_SET_VRING_NUM, &size);
	CALL(vhost, VHOST_SET_VRING_BASE, &base);
	CALL(vhost, VHOST_SET_VRING_ADDR, &addresses);
	CALL(vhost, VHOST_SET_VRING_KICK, &kicked);
	CALL(vhost, VHOST_NET_SET_BACKEND, &backend);
}

static void set_up_once(void)
{
	const struct sched_param priority = {.sched_priority = 50};
	int worker, header = HEADER, vhost = open("/dev/vhost-net", O_RDWR);
	uint64_t features = 1ULL << VIRTIO_F_VERSION_1;
	struct {
		struct vhost_memory table;
		struct vhost_memory_region region;
	} memory = {{.nregions = 1},
		    {.guest_phys_addr = (uintptr_t)buffer, .memory_size = BUFFER, .userspace_addr = (uintptr_t)buffer}};

	if (vhost < 0)
		fail("cannot open /dev/vhost-net");
	queue = open_queue(TAP, IFF_VNET_HDR);
	if (ioctl(queue, TUNSETVNETHDRSZ, &header))
		fail("the tap takes no virtio header of %d bytes", header);
	set_up(TAP, RING, NULL);
	sender = open_sender(TAP, 0);
	CALL(vhost, VHOST_SET_OWNER, NULL);
	CALL(vhost, VHOST_SET_FEATURES, &features);
	CALL(vhost, VHOST_SET_MEM_TABLE, &memory);
	connect_ring(vhost);
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
	if (write(kick, &one, sizeof(one)) != sizeof(one))
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

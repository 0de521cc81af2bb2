// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// The agent's looks at the readers of full and stopped queues, and the workers of guests: by an iterator over
// descriptors.
#include "on-request.bpf.h"
#include "readers/reader-time.bpf.h"

struct reader_sample {
	u32 pressed_only; /* in: those that were pressed within the last five seconds */
	u32 pressed;	  /* out: queues that are, or were so recently */
};

static __always_inline bool is_queue_stopped(struct queue_reader *reader)
{
	struct netdev_queue *txq = transmit_queue((struct net_device *)reader->device, reader->queue);

	return BPF_CORE_READ(txq, state) & NETDEV_TX_XOFF;
}

/* One sample of a time; not on the stack, where the verifier would follow every value through the loop. */
struct reader_sample sampling;

__noinline int sample_slot(u32 slot)
{
	struct queue_reader *reader = bpf_map_lookup_elem(&queue_readers, &slot);

	if (!reader)
		return 1;
	u64 now = bpf_ktime_get_ns();
	struct tun_file *file = (struct tun_file *)reader->tun_file;
	bool recent = reader->pressed && now - reader->pressed < RECENT;

	if (!file || (sampling.pressed_only && !recent) || !is_of(reader, file, reader->device) ||
	    (u64)BPF_CORE_READ(file, tun, dev) != reader->device)
		return 0;
	bool pressed = ring_is_full(file) || is_queue_stopped(reader);

	sampling.pressed += pressed || recent;
	look(reader, pressed, bpf_get_current_task(), true);
	return 0;
}

/* 64 of them. */
__noinline int sample_slots(u32 first)
{
	for (u32 i = 0; i < 64; i++)
		sample_slot(first + i);
	return 0;
}

ON_REQUEST(sample_readers, struct reader_sample)
{
	sampling.pressed_only = request->pressed_only;
	sampling.pressed = 0;
	for (u32 first = 0; first < MAX_READERS; first += 64) {
		if (first >= readers_used)
			break;
		sample_slots(first);
	}
	request->pressed = sampling.pressed;
	return 0;
}

// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Guest to host: the batches in which vhost-net hands packets over, and what tun refuses of them.
#include "insertions.bpf.h"
#include "receive/refused.bpf.h"

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct msghdr {
	void *msg_control;
};

struct tun_msg_ctl {
	u16 type;
	u16 num;
};

#pragma clang attribute pop

#define RECEIVE_BATCH_SIZES 8
#define TUN_MSG_PTR	    2 /* of tun_msg_ctl.type: an array of frames */

struct receive_batches_key {
	u64 device_id;
	u32 queue;
	u32 reserved;
};

struct receive_batches {
	u64 packets;
	u64 sizes[RECEIVE_BATCH_SIZES]; /* by the power of two that their packets do not exceed */
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 4096);
	__type(key, struct receive_batches_key);
	__type(value, struct receive_batches);
} receive_batches SEC(".maps");
struct insertions receive_batches_insertions;

/* 1 → 0, 2 → 1, 3 and 4 → 2, …, 33 to 64 → 6, more → 7. */
static __always_inline u32 power_above(u32 value)
{
	u32 power = 0;

	for (u32 i = 0; i < RECEIVE_BATCH_SIZES - 1; i++)
		power += (value - 1) >> i != 0;
	return power;
}

static __noinline int count_receive_batch(struct tun_file *file, u32 packets)
{
	struct net_device *dev = device_of_file(file);
	struct receive_batches_key key = {.device_id = device_id((u64)dev), .queue = BPF_CORE_READ(file, queue_index)};
	struct receive_batches *batches = bpf_map_lookup_elem(&receive_batches, &key);

	if (!batches && key.device_id) {
		static const struct receive_batches none;

		INSERT(receive_batches, &key, &none);
		batches = bpf_map_lookup_elem(&receive_batches, &key);
	}
	if (!batches) {
		__sync_fetch_and_add(&lost_receive, packets);
		return 0;
	}
	__sync_fetch_and_add(&batches->packets, packets);
	__sync_fetch_and_add(&batches->sizes[power_above(packets) & (RECEIVE_BATCH_SIZES - 1)], 1);
	return 0;
}

/* int tun_sendmsg(sock, m, total_len): vhost-net's way, a batch of frames or one packet that does not go into one. */
SEC("?fexit/tun_sendmsg")
int sent_by_vhost_fexit(volatile u64 *ctx)
{
	struct socket *sock = (void *)ctx[0];
	struct msghdr *message = (void *)ctx[1];
	struct tun_file *file = (struct tun_file *)sock->sk;
	s64 result = (int)ctx[3];
	struct tun_msg_ctl *control = message->msg_control;

	if (result < 0 || unattributed_tasks)
		end_write(file, result);
	if (result < 0 || !control || BPF_CORE_READ(control, type) != TUN_MSG_PTR)
		return 0;
	u32 packets = BPF_CORE_READ(control, num);

	if (packets)
		count_receive_batch(file, packets);
	return 0;
}

// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Guest to host: writes that tun refused, and the batches in which vhost-net hands packets over.
#include "insertions.bpf.h"
#include "receive/written.bpf.h"

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct kiocb {
	struct file *ki_filp;
};

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

struct refused_key {
	u64 device_id;
	u32 error;
	u32 reserved;
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 4096);
	__type(key, struct refused_key);
	__type(value, u64);
} refused_writes SEC(".maps");
struct insertions refused_writes_insertions;

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

u64 lost_receive; /* refused_writes or receive_batches was full, or the device is being deleted */

static __always_inline void count_refused(struct net_device *dev, u32 error)
{
	struct refused_key key = {.device_id = device_id((u64)dev), .error = error};
	u64 *writes = bpf_map_lookup_elem(&refused_writes, &key), none = 0;

	if (!writes && key.device_id) {
		INSERT(refused_writes, &key, &none);
		writes = bpf_map_lookup_elem(&refused_writes, &key);
	}
	__sync_fetch_and_add(writes ?: &lost_receive, 1);
}

/* A file that was never attached belongs to no device, and its EBADFD to none either. */
static __noinline int end_write(struct tun_file *file, s64 result)
{
	struct net_device *dev = device_of_file(file);

	if (result < 0 && dev)
		count_refused(dev, -result);
	if (unattributed_tasks)
		attribute(dev);
	return 0;
}

/* ssize_t tun_chr_write_iter(iocb, from): write() and io_uring of who has the descriptor; one packet. */
SEC("?fexit/tun_chr_write_iter")
int written_fexit(volatile u64 *ctx)
{
	struct kiocb *iocb = (void *)ctx[0];
	s64 result = ctx[2];

	if (result >= 0 && !unattributed_tasks)
		return 0;
	return end_write((struct tun_file *)iocb->ki_filp->private_data, result);
}

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

// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// What vhost-net takes out of a ring: batches since Linux 7.3, and before when they leave it.
#include <bpf/bpf_tracing.h>
#include "rows/row.bpf.h"
#include "ring/dequeue-timing.bpf.h"
#include "vhost/vhost-batches.bpf.h"
#include "vhost/vhost-types.bpf.h"

/* The types of tun are a module's, and bpf_rdonly_cast knows none of those: a pointer there is read as a `next`, 16
 * bits as a packet's queue. */
#define POINTER_AT(base, offset) (TYPED(list_head, (void *)(base) + (offset))->next)
#define U16_AT(base, offset)                                                                                           \
	(TYPED(sk_buff, (void *)(base) + (offset)-bpf_core_field_offset(struct sk_buff, queue_mapping))->queue_mapping)

/*
 * tun_wake_queue(file, consumed): vhost-net's way to __tun_wake_queue, once for each batch. Kernels that have it have
 * typed reads.
 */
SEC("?fentry/tun_wake_queue")
int BPF_PROG(consumed_vhost_fentry, struct file *file, int consumed)
{
	void *tun_file = file->private_data;
	u32 queue = U16_AT(tun_file, bpf_core_field_offset(struct tun_file, queue_index));
	struct list_head *tun = POINTER_AT(tun_file, bpf_core_field_offset(struct tun_file, tun));
	u32 number = state_of(cpu_id())->taken_row;

	if (tun_behind(row_at(number)->device) != (u64)tun || (u32)row_at(number)->place != queue) {
		struct list_head *dev = POINTER_AT(tun, bpf_core_field_offset(struct tun_struct, dev));

		number = dev ? look_up((u64)dev, HASH_BASE(dev), place_of(cpu_id(), queue)) : 0;
	}
	if (!number)
		return 0;
	__sync_fetch_and_add(&row_at(number)->consumed_in_batches, (u32)consumed);
	count_batch(number, consumed);
	return 0;
}

/* vhost_net_buf_peek(nvq), once for each packet: before the first of a batch it takes them all. */
SEC("?fexit/vhost_net_buf_peek")
int BPF_PROG(peeked_fexit, struct vhost_net_virtqueue *nvq)
{
	u64 ring = (u64)nvq->rx_ring;

	if (!ring || nvq->rxq.head || !nvq->rxq.tail)
		return 0;
	return look_at_departures(ring - bpf_core_field_offset(struct tun_file, tx_ring));
}

// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// vhost-net's side of a queue: where it keeps what it takes, what it gives back, how large its batches are, and packets
// for which the guest has no buffer.
#include <bpf/bpf_tracing.h>
#include "vhost/held.bpf.h"
#include "rows/queue-events.bpf.h"
#include "ring/sample.bpf.h"
#include "vhost/vhost-batches.bpf.h"
#include "vhost/vhost-row.bpf.h"
#include "vhost/vhost-types.bpf.h"

/* Address of vhost_net_release: the data symbol vhost_net_fops is in kallsyms only with CONFIG_KALLSYMS_ALL. */
const volatile u64 vhost_net_release_address;

/* vhost_net_buf_unproduce(nvq): the packets of its batch go back to the ring; those without room are dropped there. */
SEC("?fentry/vhost_net_buf_unproduce")
int BPF_PROG(unproduced_fentry, struct vhost_net_virtqueue *nvq)
{
	int packets = nvq->rxq.tail - nvq->rxq.head;
	u32 number = packets > 0 ? row_of_ring((u64)nvq->rx_ring) : 0;

	if (!number)
		return 0;
	__sync_fetch_and_add(&row_at(number)->unproduced, packets); /* preemptible here */
	forget_marks(row_at(number)->queue);
	return 0;
}

/*
 * vhost_net_buf_peek(nvq), once for each packet: an empty buffer still knows the size of the batch that was in it. It
 * is counted when it has been used up, for its beginning cannot be told from a packet that is looked at again.
 */
SEC("?fentry/vhost_net_buf_peek")
int BPF_PROG(batch_fentry, struct vhost_net_virtqueue *nvq)
{
	int packets = nvq->rxq.tail;
	u32 number = packets > 0 && packets == nvq->rxq.head ? row_of_ring((u64)nvq->rx_ring) : 0;

	if (number)
		count_batch(number, packets);
	return 0;
}

/*
 * vhost_discard_vq_desc(vq, buffers, …): vhost gives buffers back to the guest unused. None: there was a packet, and no
 * buffer for it. Others were too few or too short, or the packet could not be written into them.
 */
SEC("?fentry/vhost_discard_vq_desc")
int discarded_fentry(u64 *ctx)
{
	struct vhost_net_virtqueue *nvq = (struct vhost_net_virtqueue *)ctx[0];
	u32 buffers = ctx[1], number = row_of_ring((u64)BPF_CORE_READ(nvq, rx_ring));

	if (number)
		count_event(number, buffers ? EVENT_DISCARDED : EVENT_NO_BUFFER, buffers ?: 1);
	return 0;
}

static __always_inline void remember_place(u64 nvq_address, u64 file)
{
	struct vhost_net_virtqueue *nvq = (struct vhost_net_virtqueue *)nvq_address;
	struct task_struct *worker = worker_of((struct vhost_virtqueue *)nvq_address);
	struct vhost_place place = {
		.ring_at = nvq_address + bpf_core_field_offset(nvq->rx_ring),
		.tail_at = nvq_address + bpf_core_field_offset(nvq->rxq.tail),
		.head_at = nvq_address + bpf_core_field_offset(nvq->rxq.head),
		.ubufs_at = nvq_address + bpf_core_type_size(struct vhost_net_virtqueue) +
			    bpf_core_field_offset(nvq->ubufs),
		.refcount_offset = bpf_core_field_offset(struct vhost_net_ubuf_ref, refcount),
		.worker = (u64)worker,
		.worker_started = BPF_CORE_READ(worker, start_time),
	};

	bpf_map_update_elem(&vhost_places, &file, &place, BPF_ANY);
}

/*
 * vhost-net calls vhost_net_buf_unproduce(nvq) also when a backend is set, once private_data points to the new socket.
 * It does so for the queue on which the guest sends too, with the same socket.
 */
SEC("?fentry/vhost_net_buf_unproduce")
int BPF_PROG(connected_fentry, struct vhost_net_virtqueue *nvq)
{
	struct vhost_net *net = (struct vhost_net *)nvq->vq.dev;
	u64 address = address_of(nvq), socket = (u64)nvq->vq.private_data;

	if (socket && address == address_of(net) + bpf_core_field_offset(net->vqs))
		remember_place(address, file_of_socket(socket));
	return 0;
}

/* Visits every open vhost-net descriptor, and so finds queues that were connected before the agent started. */
SEC("?iter/task_file")
int vhost_queues(struct bpf_iter__task_file *ctx)
{
	struct file *file = ctx->file;

	if (!file || !ctx->task || !vhost_net_release_address || (u64)file->f_op->release != vhost_net_release_address)
		return 0;
	struct vhost_net *net = (struct vhost_net *)BPF_CORE_READ(file, private_data);
	u64 address = (u64)net + bpf_core_field_offset(net->vqs);
	struct vhost_net_virtqueue *nvq = (struct vhost_net_virtqueue *)address;
	u64 socket = (u64)BPF_CORE_READ(nvq, vq.private_data);

	if (socket)
		remember_place(address, file_of_socket(socket));
	return 0;
}

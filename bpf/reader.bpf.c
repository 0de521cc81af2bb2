// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// The agent's looks at the readers of full and stopped queues, and vhost-net's workers: by an iterator over
// descriptors.
#include "reader.bpf.h"

struct reader_look {
	u32 pressed_only; /* in: those that were pressed within the last five seconds */
	u32 pressed;	  /* out: queues that are, or were so lately */
};

static __always_inline bool is_stopped(struct queue_reader *reader)
{
	struct netdev_queue *txq = transmit_queue((struct net_device *)reader->device, reader->queue);

	return BPF_CORE_READ(txq, state) & NETDEV_TX_XOFF;
}

/* One look at a time; not on the stack, where the verifier would follow every value through the loop. */
struct reader_look looking;

static long each_reader(u32 slot, void *unused)
{
	struct queue_reader *reader = bpf_map_lookup_elem(&queue_readers, &slot);

	if (!reader)
		return 1;
	u64 now = bpf_ktime_get_ns();
	struct tun_file *file = (struct tun_file *)reader->tun_file;
	bool lately = reader->pressed && now - reader->pressed < 5000 * MILLISECOND;

	if (!file || (looking.pressed_only && !lately) || !is_of(reader, file, reader->device) ||
	    (u64)BPF_CORE_READ(file, tun, dev) != reader->device)
		return 0;
	bool pressed = ring_is_full(file) || is_stopped(reader);

	looking.pressed += pressed || lately;
	look(reader, pressed, bpf_get_current_task(), 2000 * MILLISECOND);
	return 0;
}

SEC("syscall")
int look_at_readers(struct reader_look *context)
{
	looking.pressed_only = context->pressed_only;
	looking.pressed = 0;
	bpf_loop(readers_used, each_reader, NULL, 0);
	context->pressed = looking.pressed;
	return 0;
}

/* Address of vhost_net_release; a type and a function of a module that may come later than the agent. */
const volatile u64 vhost_net_release_address;

u64 vhost_session;

static __always_inline u64 worker_of(struct vhost_virtqueue *queue)
{
	struct vhost_worker *worker;

	if (bpf_core_field_exists(queue->worker))
		worker = BPF_CORE_READ(queue, worker);
	else
		worker = BPF_CORE_READ(queue, dev, worker);
	if (!bpf_core_type_exists(struct vhost_worker) || !worker)
		return (u64)worker;
	if (bpf_core_field_exists(worker->kthread_task)) {
		u64 thread = (u64)BPF_CORE_READ(worker, kthread_task);

		if (thread)
			return thread;
	}
	return (u64)BPF_CORE_READ(worker, vtsk, task);
}

SEC("?iter/task_file")
int vhost_readers(struct bpf_iter__task_file *ctx)
{
	struct task_struct *task = ctx->task;
	struct file *file = ctx->file;

	if (vhost_session != ctx->meta->session_id)
		vhost_walks++;
	vhost_session = ctx->meta->session_id;
	if (!file || !task || !vhost_net_release_address || (u64)file->f_op->release != vhost_net_release_address)
		return 0;
	struct vhost_net *net = file->private_data;
	struct vhost_net_virtqueue *queue = &net->vqs[0];
	u64 ring = (u64)BPF_CORE_READ(queue, rx_ring), worker = worker_of(&queue->vq);
	/* The ring may be a macvtap's: then what would be its tun_file has no slot. */
	struct queue_reader *reader = reader_of(ring - bpf_core_field_offset(struct tun_file, tx_ring));

	if (!ring || !worker || !reader)
		return 0;
	set_thread(reader, worker);
	reader->vhost_walk = vhost_walks;
	return 0;
}

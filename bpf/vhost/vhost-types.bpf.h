/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Types of vhost-net. Only programs that are loaded after vhost-net may use them. */
#pragma once
#include "tun-types.bpf.h"

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct vhost_net_buf {
	int tail;
	int head;
};

struct vhost_task {
	struct task_struct *task;
};

/* 6.4 and later. */
struct vhost_worker {
	struct task_struct *kthread_task; /* instead of vtsk, where the host wants kernel threads */
	struct vhost_task *vtsk;
};

struct vhost_dev;

struct vhost_dev___one_worker {
	struct task_struct *worker;
};

struct vhost_virtqueue {
	struct vhost_dev *dev;
	unsigned int num;
	struct vhost_worker *worker;
	void *private_data; /* the backend, a struct socket */
};

/* Counts packets that are out without having been copied, and one more for the queue itself. */
struct vhost_net_ubuf_ref {
	refcount_t refcount;
	struct vhost_virtqueue *vq;
};

struct vhost_net_virtqueue {
	struct vhost_virtqueue vq; /* first */
	int upend_idx, done_idx;
	struct vhost_net_ubuf_ref *ubufs;
	struct ptr_ring *rx_ring;
	struct vhost_net_buf rxq;
};

struct vhost_net {
	struct vhost_net_virtqueue vqs[2]; /* the guest receives on the first */
	unsigned int tx_packets, tx_zcopy_err;
	bool tx_flush;
};

struct ubuf_info {
	refcount_t refcnt;
};

struct ubuf_info_msgzc {
	struct ubuf_info ubuf;
	void *ctx;
};

struct iov_iter {
	unsigned long count;
};

#pragma clang attribute pop

static __always_inline struct task_struct *worker_of(struct vhost_virtqueue *vq)
{
	struct vhost_dev___one_worker *dev = (void *)BPF_CORE_READ(vq, dev);

	/* 6.4 and later; before, each vhost_dev has one. */
	if (!bpf_core_field_exists(vq->worker))
		return BPF_CORE_READ(dev, worker);
	struct vhost_worker *worker = BPF_CORE_READ(vq, worker);

	if (bpf_core_field_exists(worker->kthread_task) && BPF_CORE_READ(worker, kthread_task))
		return BPF_CORE_READ(worker, kthread_task);
	return BPF_CORE_READ(worker, vtsk, task);
}

/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Packets that vhost-net took out of a queue's ring and has not delivered yet, and its worker thread: of a tun's or
 * tap's queue, and of a macvtap's. */
#pragma once
#include "readers/task.bpf.h"
#include "walk/backend.bpf.h"

/*
 * Addresses in vhost-net's structures: the walk may be loaded before vhost-net is, and then cannot know its types.
 * The map evicts the entries of closed queues late. The walk recognizes such an entry: its rx_ring no longer points to
 * the ring of the queue.
 */
struct vhost_place {
	u64 ring_at; /* of vhost_net_virtqueue.rx_ring, which points to the ring while a tap is connected */
	u64 tail_at, head_at;
	u64 ubufs_at; /* of the queue on which the guest sends: NULL unless it may send without copying */
	u32 refcount_offset, reserved;
	u64 worker, worker_started; /* task_struct, start_time */
};

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 16384);
	__type(key, u64); /* address of the tun_file, or of a macvtap's tap_queue */
	__type(value, struct vhost_place);
} vhost_places SEC(".maps");

static __always_inline void read_worker(const struct vhost_place *place, struct backend *backend)
{
	struct task_struct *worker = (struct task_struct *)place->worker;

	/* The worker may have ended, and its memory may be another's. */
	if (!worker || BPF_CORE_READ(worker, start_time) != place->worker_started)
		return;
	backend->thread = place->worker;
	backend->worker = BPF_CORE_READ(worker, pid);
	backend->cpu = cpu_of(worker);
	backend->worker_ns = BPF_CORE_READ(worker, se.sum_exec_runtime);
	BPF_CORE_READ_STR_INTO(&backend->comm, worker, comm);
}

static __always_inline void read_outstanding(const struct vhost_place *place, struct backend *backend)
{
	u64 ubufs = 0;
	s32 references = 0;

	bpf_probe_read_kernel(&ubufs, sizeof(ubufs), (void *)place->ubufs_at);
	if (!ubufs)
		return;
	bpf_probe_read_kernel(&references, sizeof(references), (void *)(ubufs + place->refcount_offset));
	backend->zerocopy = true;
	backend->outstanding = references > 1 ? references - 1 : 0; /* one is the queue's own */
}

static __always_inline void read_backend(u64 file, u64 own_ring, struct backend *backend)
{
	struct vhost_place *place = bpf_map_lookup_elem(&vhost_places, &file);
	u64 ring = 0;
	s32 tail = 0, head = 0;

	if (!place)
		return;
	bpf_probe_read_kernel(&ring, sizeof(ring), (void *)place->ring_at);
	if (ring != own_ring)
		return;
	bpf_probe_read_kernel(&tail, sizeof(tail), (void *)place->tail_at);
	bpf_probe_read_kernel(&head, sizeof(head), (void *)place->head_at);
	backend->connected = true;
	backend->packets = tail > head ? tail - head : 0;
	read_worker(place, backend);
	read_outstanding(place, backend);
}

// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// What vhost-net took out of a ring and gives back undelivered, when its backend is changed or removed.
#include <bpf/bpf_tracing.h>
#include "row.bpf.h"

/* vhost_net_buf_unproduce(nvq): the packets of its batch go back to the ring; those without room are dropped there. */
SEC("?fentry/vhost_net_buf_unproduce")
int BPF_PROG(unproduced_fentry, struct vhost_net_virtqueue *nvq)
{
	struct ptr_ring *ring = nvq->rx_ring;
	int packets = nvq->rxq.tail - nvq->rxq.head;
	struct tun_file *file = (void *)ring - bpf_core_field_offset(struct tun_file, tx_ring);

	if (!ring || packets <= 0)
		return 0;
	struct net_device *dev = device_of_file(file);

	/* The ring may be a macvtap's: what stands before it is then no tun_file. */
	if (!dev || !is_tun((u64)dev))
		return 0;
	u32 number = look_up((u64)dev, (u64)dev, place_of(cpu_id(), BPF_CORE_READ(file, queue_index)));

	if (number)
		__sync_fetch_and_add(&row_at(number)->unproduced, packets); /* preemptible here */
	return 0;
}

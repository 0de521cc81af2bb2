// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Offered, enqueued and dropped packets at the entry and exit of tun_net_xmit, and consumed ones where the ring's lock
// is held.
#include <bpf/bpf_tracing.h>
#include "device.bpf.h"
#include "transmit.bpf.h"

/* The device's address as a number: a typed pointer cannot be shifted, but subtracted from another. */
#define HASH_BASE(dev) ((u64)(dev) - (u64)foreign_ops)

/* netdev_tx_t tun_net_xmit(skb, dev): bottom halves are off. */
SEC("?fentry/tun_net_xmit")
int BPF_PROG(offered_fentry, struct sk_buff *skb, struct net_device *dev)
{
	begin_transmit((u64)skb, (u64)dev, HASH_BASE(dev), dev->dev.kobj.sd->id, skb->queue_mapping, skb->len);
	return 0;
}

SEC("?fexit/tun_net_xmit")
int BPF_PROG(sent_fexit, struct sk_buff *skb, struct net_device *dev, int result)
{
	struct in_flight *packet = &in_flight[cpu_id()];

	if (packet->skb == (u64)skb) /* else the entry was not seen: attached in between */
		end_transmit(packet, result != 0, (u64)dev);
	return 0;
}

/*
 * __tun_wake_queue(tun, tfile, consumed): called for every consume on both paths (read and vhost), flag or not, with
 * consumer_lock held.
 */
SEC("?fentry/__tun_wake_queue")
int BPF_PROG(consumed_fentry, struct tun_struct *tun, struct tun_file *file, int consumed)
{
	struct net_device *dev = tun->dev;
	u32 number = 0;
	struct row *row = find_row((u64)dev, HASH_BASE(dev), dev->dev.kobj.sd->id, file->queue_index, &number);

	if (row)
		row->consumed += (u32)consumed;
	return 0;
}

// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Whether a transmit queue is stopped, read from the kernel by nothing of the product's: truth for what its probes
// count.
#include "../../bpf/net-device.bpf.h"

#define DRIVER_XOFF 1 /* __QUEUE_STATE_DRV_XOFF */

const volatile char wanted[16];
u64 queue; /* address; set by the device's first packet that was seen */

/* net_dev_start_xmit(skb, dev) */
SEC("raw_tracepoint/net_dev_start_xmit")
int find(u64 *ctx)
{
	struct net_device *dev = (void *)ctx[1];
	char name[16] = {};

	if (queue)
		return 0;
	BPF_CORE_READ_STR_INTO(&name, dev, name);
	for (int i = 0; i < (int)sizeof(name); i++)
		if (name[i] != wanted[i])
			return 0;
	queue = (u64)transmit_queue(dev, 0);
	return 0;
}

/* 2: no packet was seen yet. */
SEC("syscall")
int look(void *unused)
{
	struct netdev_queue *txq = (void *)queue;

	if (!txq)
		return 2;
	return BPF_CORE_READ(txq, state) & DRIVER_XOFF;
}

char _license[] SEC("license") = "Dual BSD/GPL";

// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Queues that leave a device: closed, or detached by TUNSETQUEUE. Those that join follow from how many there are.
#include <bpf/bpf_tracing.h>
#include "device.bpf.h"
#include "rows/queue-events.bpf.h"

/* __tun_detach(tfile, clean), under RTNL; a queue that was detached before leaves nothing when it is closed. */
SEC("?fentry/__tun_detach")
int BPF_PROG(left_fentry, struct tun_file *file)
{
	struct net_device *dev = file->tun && !file->detached ? BPF_CORE_READ(file, tun, dev) : NULL;
	u64 id = dev ? device_id((u64)dev) : 0;
	u32 number = id ? queue_number((u64)dev, id, 0) : 0;

	if (!id)
		return 0;
	if (!number) {
		__sync_fetch_and_add(&lost_no_row, 1);
		return 0;
	}
	/* Counted in the row of the device's first queue. The last queue takes the place of the one that leaves. */
	count_event(number, EVENT_QUEUE_LEFT, 1);
	if (file->queue_index + 1 != BPF_CORE_READ(file, tun, numqueues))
		count_event(number, EVENT_QUEUE_MOVED, 1);
	return 0;
}

// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// The backlog of a few devices between two walks: how long packets stand is measured while they do.
#include "on-request.bpf.h"
#include "walk/backlog.bpf.h"

#define MOST_SAMPLED 16

struct sampled_backlog {
	u64 device, device_id;
	u32 packets, reserved; /* out; 0 too if the device is gone */
};

struct backlog_sample {
	u32 count, reserved;
	struct sampled_backlog devices[MOST_SAMPLED];
};

/* Answers its packets. */
__noinline u32 sample_backlog(u64 device, u64 id)
{
	struct net_device *dev = (struct net_device *)device;
	struct tun_struct *tun = tun_of(dev);
	u32 queues = BPF_CORE_READ(tun, numqueues);

	if (registration_state(dev) != NETREG_REGISTERED || device_id(device) != id)
		return 0;
	qdiscs.root = (u64)BPF_CORE_READ(dev, qdisc);
	for (u32 queue = 0; queue < 256; queue++) {
		if (queue >= queues)
			break;
		find_qdisc(device, queue);
	}
	read_backlog(queues, BPF_CORE_READ(tun, flags));
	return backlog.packets;
}

ON_REQUEST(sample_backlogs, struct backlog_sample)
{
	/* Unrolled: the verifier knows no places of a request but fixed ones. */
#pragma unroll
	for (u32 i = 0; i < MOST_SAMPLED; i++) {
		if (i >= request->count)
			break;
		struct sampled_backlog *of = &request->devices[i];

		of->packets = sample_backlog(of->device, of->device_id);
	}
	return 0;
}

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

static __always_inline void sample_backlog(struct sampled_backlog *sampled)
{
	struct net_device *dev = (struct net_device *)sampled->device;

	sampled->packets = 0;
	if (registration_state(dev) != NETREG_REGISTERED || device_id(sampled->device) != sampled->device_id)
		return;
	read_backlog(sampled->device);
	sampled->packets = backlog.sum.qlen;
}

ON_REQUEST(sample_backlogs, struct backlog_sample)
{
	/* Unrolled: the verifier knows no places of a request but fixed ones. */
#pragma unroll
	for (u32 i = 0; i < MOST_SAMPLED; i++) {
		if (i >= request->count)
			break;
		sample_backlog(&request->devices[i]);
	}
	return 0;
}

// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// The end of each read, before Linux 7.3.
#include "ring/dequeue-timing.bpf.h"

/* tun_do_read(tun, tfile, to, noblock, ptr); ptr: a packet that was taken before, in a batch. */
SEC("?fexit/tun_do_read")
int read_fexit(u64 *ctx)
{
	return ctx[4] ? 0 : look_at_departures(ctx[1]);
}

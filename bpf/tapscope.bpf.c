// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// The one object: a subject is a file or a folder, and all are compiled together so that every program shares the same
// maps and variables.
#include "rows/queue.bpf.c"
#include "transmit/raw.bpf.c"
#include "drops/drops.bpf.c"
#include "transmit/tun.bpf.c"
#include "ring/consumed.bpf.c"
#include "transmit/settle.bpf.c"
#include "stops/wake.bpf.c"
#include "queue-changes.bpf.c"
#include "ring/dequeue-timing.bpf.c"
#include "vhost/vhost.bpf.c"
#include "vhost/taken.bpf.c"
#include "vhost/zerocopy.bpf.c"
#include "allocation.bpf.c"
#include "receive/receive.bpf.c"
#include "vhost/receive-batches.bpf.c"
#include "redirect.bpf.c"
#include "ended.bpf.c"
#include "walk/walk.bpf.c"
#include "walk/flows.bpf.c"
#include "walk/backlog.bpf.c"
#include "macvtap.bpf.c"
#include "readers/owners.bpf.c"
#include "readers/program-files.bpf.c"
#include "readers/reader.bpf.c"
#include "calibrate.bpf.c"
#include "text.bpf.c"

/* Before a row is given to another queue. */
static __always_inline void forget_records(u32 row)
{
	forget_batches(row);
}

/* Last of all variables: the agent cuts it to what its host needs. */
union entry rows[MAX_ROWS] __attribute__((aligned(256)));

char _license[] SEC("license") = "Dual BSD/GPL";

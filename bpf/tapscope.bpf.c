// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// The one object: a subject is a file, and all are compiled together so that every program shares the same maps and
// variables.
#include "queue.bpf.c"
#include "raw.bpf.c"
#include "drops.bpf.c"
#include "tun.bpf.c"
#include "settle.bpf.c"
#include "wake.bpf.c"
#include "queue-changes.bpf.c"
#include "vhost.bpf.c"
#include "departures.bpf.c"
#include "zerocopy.bpf.c"
#include "allocation.bpf.c"
#include "receive.bpf.c"
#include "redirect.bpf.c"
#include "walk.bpf.c"
#include "macvtap.bpf.c"
#include "owners.bpf.c"
#include "reader.bpf.c"
#include "calibrate.bpf.c"
#include "text.bpf.c"

/* Last of all variables: the agent cuts it to what its host needs. */
union entry rows[MAX_ROWS] __attribute__((aligned(256)));

char _license[] SEC("license") = "Dual BSD/GPL";

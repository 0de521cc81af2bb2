// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Packets that were inside tun_net_xmit when its probes were detached.
#include "on-request.bpf.h"
#include "drops/first-drop.bpf.h"
#include "transmit/transmit.bpf.h"

struct settle_request {
	u64 entries_seen; /* from now on: 0, SEEN_BY_CPU, SEEN_BY_QUEUE or SEEN_ARMED */
};

u8 entries_seen = SEEN_BY_CPU;

__noinline int settle_on(u32 cpu)
{
	struct cpu_state *state = state_of(cpu);
	u32 number = state->sent_row, reason = state->reason, slot = slot_of(reason);
	struct row *row = row_at(number);

	if (number && reason) {
		row->dropped[slot & (REASONS - 1)]++;
		if (slot == REASON_RARE)
			count_rare(number, reason);
	} else if (state->skb && number) {
		row->offered--; /* whether it was dropped or not, its exit would have told */
	}
	state->skb = 0;
	state->entered = 0;
	state->reason = 0;
	return 0;
}

/*
 * Run by the agent while nothing is attached to the transmit function. Detaching makes the kernel leave out the exit of
 * a packet that is inside, and a CPU that stood still may yet run its entry. Such a packet would be in flight for ever.
 * Senders use its address again and again: drops of those packets would wait for an exit that never comes.
 */
ON_REQUEST(settle, struct settle_request)
{
	entries_seen = 0;
	for (u32 cpu = 0; cpu < possible_cpus; cpu++)
		settle_on(cpu);
	drop_told = 0;
	entries_seen = request->entries_seen;
	return 0;
}

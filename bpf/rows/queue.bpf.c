// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// The pool of rows and what leads to them, shared by all programs; the program that recycles rows.
#include "rows/queue.bpf.h"
#include "vhost/vhost-batches.bpf.h"

#define RECYCLE_BATCH 32

struct recycle_request {
	u32 forget;  /* rows whose key leaves the index, so that no program finds them any more */
	u32 release; /* rows that were forgotten long enough ago: they are cleared and may be handed out again */
	u32 rows[2][RECYCLE_BATCH];
};

static long forget_on(u32 cpu, u32 *number)
{
	struct cpu_state *state = state_of(cpu);

	/* Each exchange is atomic: that CPU may keep another number meanwhile. */
	__sync_val_compare_and_swap(&state->sent_row, *number, 0);
	__sync_val_compare_and_swap(&state->freed_row, *number, 0);
	__sync_val_compare_and_swap(&state->taken_row, *number, 0);
	return 0;
}

static __noinline int forget_row(u32 number)
{
	struct row *row = row_at(number);
	struct row_key key = {.device = row->device, .place = row->place & ~ROW_ENDED};
	u32 *indexed = bpf_map_lookup_elem(&row_index, &key);

	/* Its end may have been missed. A device that is there after all gets another row. */
	__sync_fetch_and_or(&row->place, ROW_ENDED);
	/* Another device may have taken the address and the key since. */
	if (indexed && *indexed == number)
		bpf_map_delete_elem(&row_index, &key);
	bpf_loop(possible_cpus, forget_on, &number, 0);
	return 0;
}

static __always_inline void release_row(u32 number)
{
	struct row *row = row_at(number);
	u32 cell = free_tail & rows_mask;
	u32 *freed = bpf_map_lookup_elem(&free_rows, &cell);

	if (!freed || !row->device)
		return;
	bpf_loop(possible_cpus, forget_on, &number, 0); /* kept again by who looked while it was forgotten */
	__builtin_memset(row, 0, sizeof(*row));
	forget_batches(number);
	*freed = number;
	__sync_fetch_and_add(&free_tail, 1);
}

/* The verifier allows no index into the context, and the stack has no room for a copy. */
static struct recycle_request request;

/* Run by the agent, one at a time; writing rows from here lets the agent's own mapping stay read-only. */
SEC("syscall")
int recycle(struct recycle_request *context)
{
	request = *context;
	for (u32 i = 0; i < RECYCLE_BATCH; i++) {
		if (i < request.forget)
			forget_row(request.rows[0][i]);
		if (i < request.release)
			release_row(request.rows[1][i]);
	}
	return 0;
}

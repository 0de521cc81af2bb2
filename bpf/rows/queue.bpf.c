// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// The pool of rows and what leads to them, shared by all programs; the program that recycles rows.
#include "atomics.bpf.h"
#include "on-request.bpf.h"
#include "rows/queue.bpf.h"

#define RECYCLE_BATCH 32

struct recycle_request {
	u32 forget;  /* rows whose key leaves the index, so that no program finds them any more */
	u32 release; /* rows that were forgotten long enough ago: they are cleared and may be handed out again */
	u32 rows[2][RECYCLE_BATCH];
};

/* What subjects keep beside a row; tapscope.bpf.c names them. */
static __always_inline void forget_records(u32 row);

/* Global, as the two below, for the verifier then looks at each once. */
__noinline int forget_on_all(u32 number)
{
	for (u32 cpu = 0; cpu < possible_cpus; cpu++) {
		struct cpu_state *state = state_of(cpu);

		/* Each exchange is atomic: that CPU may keep another number meanwhile. */
		COMPARE_EXCHANGE(&state->sent_row, number, 0);
		COMPARE_EXCHANGE(&state->freed_row, number, 0);
		COMPARE_EXCHANGE(&state->taken_row, number, 0);
	}
	return 0;
}

__noinline int forget_row(u32 number)
{
	struct row *row = row_at(number);
	struct row_key key = {.device = row->device, .place = row->place & ~ROW_ENDED};
	u32 *indexed = bpf_map_lookup_elem(&row_index, &key);

	/* Its end may have been missed. A device that is there after all gets another row. */
	SET_BITS(&row->place, ROW_ENDED);
	/* Another device may have taken the address and the key since. */
	if (indexed && *indexed == number)
		bpf_map_delete_elem(&row_index, &key);
	forget_on_all(number);
	return 0;
}

__noinline int release_row(u32 number)
{
	struct row *row = row_at(number);
	u32 cell = free_tail & rows_mask;
	u32 *freed = bpf_map_lookup_elem(&free_rows, &cell);

	if (!freed || !row->device)
		return 0;
	forget_on_all(number); /* kept again by who looked while it was forgotten */
	__builtin_memset(row, 0, sizeof(*row));
	forget_records(number);
	*freed = number;
	__sync_fetch_and_add(&free_tail, 1);
	return 0;
}

/* The verifier allows no index into the context, and the stack has no room for a copy. */
struct recycle_request recycling;

/* Run by the agent, one at a time; writing rows from here lets the agent's own mapping stay read-only. */
ON_REQUEST(recycle, struct recycle_request)
{
	recycling = *request;
	for (u32 i = 0; i < RECYCLE_BATCH; i++) {
		if (i < recycling.forget)
			forget_row(recycling.rows[0][i]);
		if (i < recycling.release)
			release_row(recycling.rows[1][i]);
	}
	return 0;
}

/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Code of the hot path, in fewer instructions than the compiler makes of C. */
#pragma once
#include "kernel.bpf.h"

/* The compiler would rather compute an address again than keep it. */
#define KEPT(pointer)                                                                                                  \
	({                                                                                                             \
		typeof(pointer) kept = (pointer);                                                                      \
		asm volatile("" : "+r"(kept));                                                                         \
		kept;                                                                                                  \
	})

/*
 * Before the load the agent may replace the number, which sign extension makes 64 bits of. Below 0 is nothing: then the
 * verifier leaves out the instruction, if nothing else leads to the label. Below the highest number is everything.
 */
#define GOTO_IF_BELOW(value, number, label)                                                                            \
	asm goto("if %0 < %1 goto %l[" #label "]" : : "r"((u64)(value)), "i"(number) : : label)
#define GOTO_IF_EQUAL(value, number, label)                                                                            \
	asm goto("if %0 == %1 goto %l[" #label "]" : : "r"((u64)(value)), "i"(number) : : label)

/* The agent writes 0 in its place, and where there are no typed reads a number above all addresses. */
#define UNTYPED_PLACE 0x756e7479

static __always_inline u32 cpu_id(void)
{
	return bpf_get_smp_processor_id();
}

/*
 * The same, and the context stays in its register: one that a function must save costs each packet three instructions.
 * Since Linux 6.12 the verifier removes a store and a load that stand around this call like these; other kernels
 * execute them. The compiler does not know of this place on the stack, so that the program may have nothing else there:
 * src/kernel/kept-context.test.ts.
 */
static __always_inline u32 cpu_id_beside(volatile u64 **context)
{
	register volatile u64 *kept asm("r1") = *context;
	register u64 cpu asm("r0");

	asm volatile("*(u64 *)(r10 - 8) = r1\n"
		     "call %[helper]\n"
		     "r1 = *(u64 *)(r10 - 8)"
		     : "=r"(cpu), "+r"(kept)
		     : [helper] "i"(BPF_FUNC_get_smp_processor_id)
		     : "r2", "r3", "r4", "r5");
	*context = kept;
	return cpu;
}

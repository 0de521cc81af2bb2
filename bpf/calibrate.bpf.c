// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// How fast this CPU runs: the kernel's run statistics do not see what a hook costs before and after a program.
#include "kernel.bpf.h"
#include "on-request.bpf.h"

#define CALIBRATE_ROUNDS (1 << 16)
#define ROUNDS_AT_ONCE	 256

struct calibration {
	u64 nanoseconds;
	u64 rounds;
};

__noinline int do_nothing(u32 round)
{
	asm volatile("" : "+r"(round));
	return round;
}

/* Global, as what it calls: the verifier looks at each once. */
__noinline int run_rounds(void)
{
	for (u32 round = 0; round < ROUNDS_AT_ONCE; round++)
		do_nothing(round);
	return 0;
}

ON_REQUEST(calibrate, struct calibration)
{
	u64 started = bpf_ktime_get_ns();

	for (u32 round = 0; round < CALIBRATE_ROUNDS; round += ROUNDS_AT_ONCE)
		run_rounds();
	request->nanoseconds = bpf_ktime_get_ns() - started;
	request->rounds = CALIBRATE_ROUNDS;
	return 0;
}

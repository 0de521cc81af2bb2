// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// How fast this CPU runs: the kernel's run statistics do not see what a hook costs before and after a program.
#include "kernel.bpf.h"

#define CALIBRATE_ROUNDS (1 << 16)

struct calibration {
	u64 nanoseconds;
	u64 rounds;
};

static long do_nothing(u32 round, void *unused)
{
	return 0;
}

SEC("syscall")
int calibrate(struct calibration *result)
{
	u64 started = bpf_ktime_get_ns();

	bpf_loop(CALIBRATE_ROUNDS, do_nothing, NULL, 0);
	result->nanoseconds = bpf_ktime_get_ns() - started;
	result->rounds = CALIBRATE_ROUNDS;
	return 0;
}

// SPDX-License-Identifier: Apache-2.0
// Counts itself by perf_event_open(2), and lives as long as the VM: lab/vm/vm-init.sh says why.
#include <linux/perf_event.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>

int main(void)
{
	struct perf_event_attr attr = {
		.size = sizeof attr,
		.type = PERF_TYPE_SOFTWARE,
		.config = PERF_COUNT_SW_TASK_CLOCK,
	};
	if (syscall(SYS_perf_event_open, &attr, 0, -1, -1, PERF_FLAG_FD_CLOEXEC) < 0) {
		perror("hold-perf: perf_event_open");
		return 1;
	}
	puts("held");
	fflush(stdout);
	for (;;)
		pause();
}

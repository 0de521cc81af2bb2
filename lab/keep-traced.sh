#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Inside a VM: two idle listeners at the tracepoints of soft interrupts. The kernel rewrites its code when the first or second comes
# or goes, QEMU before 8.1 does not always see it on the other CPUs, and there the kernel dies of an int3 that is there no more:
# soft interrupts run everywhere all the time, and on four busy CPUs it did within minutes.
for name in one two; do
	instance=/sys/kernel/tracing/instances/$name
	mkdir "$instance" && echo 0 >"$instance/tracing_on" || exit
	for event in softirq_entry softirq_exit; do
		echo 1 >"$instance/events/irq/$event/enable" || exit
	done
done

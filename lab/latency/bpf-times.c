// SPDX-License-Identifier: Apache-2.0
// LD_PRELOAD: appends a line to the file $BPF_TIMES for each bpf() of the process: command, nanoseconds, and of a
// program that was loaded its name and how many instructions the verifier looked at: "5 1840233 offered_fentry 612".
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

typedef long system_call(long number, ...);

static system_call *real;
static int file = -1;

__attribute__((constructor)) static void find(void)
{
	const char *path = getenv("BPF_TIMES");

	real = (system_call *)dlsym(RTLD_NEXT, "syscall");
	if (path)
		file = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
}

/* What the verifier takes is CPU time of its caller: other work of this machine is no part of it. Attaching also waits.
 */
static long long nanoseconds_now(long command)
{
	struct timespec now;

	clock_gettime(command == BPF_PROG_LOAD ? CLOCK_THREAD_CPUTIME_ID : CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000000000LL + now.tv_nsec;
}

static unsigned int verified(int program)
{
	struct bpf_prog_info info = {0};
	union bpf_attr attr;

	memset(&attr, 0, sizeof(attr));
	attr.info.bpf_fd = program;
	attr.info.info_len = sizeof(info);
	attr.info.info = (unsigned long)&info;
	return real(__NR_bpf, BPF_OBJ_GET_INFO_BY_FD, &attr, sizeof(attr)) ? 0 : info.verified_insns;
}

/* libbpf calls bpf() by its number. */
long syscall(long number, ...)
{
	long words[6], answer;
	long long began = 0;
	va_list arguments;

	va_start(arguments, number);
	for (int i = 0; i < 6; i++)
		words[i] = va_arg(arguments, long);
	va_end(arguments);
	if (number == __NR_bpf && file >= 0)
		began = nanoseconds_now(words[0]);
	answer = real(number, words[0], words[1], words[2], words[3], words[4], words[5]);
	if (began) {
		int isLoad = words[0] == BPF_PROG_LOAD && answer >= 0;
		const union bpf_attr *attr = (const union bpf_attr *)words[1];

		began = nanoseconds_now(words[0]) - began;
		dprintf(file, "%ld %lld %.16s %u\n", words[0], began, isLoad ? attr->prog_name : "-",
			isLoad ? verified(answer) : 0);
	}
	return answer;
}

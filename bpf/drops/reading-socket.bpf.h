/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The socket that the present system call reads. A datagram in a UDP socket's queue names neither device nor socket; if
 * its checksum is found to be wrong, its reader frees it: when it reads (udp_recvmsg), or already when it asks by
 * poll(), select() or epoll whether there is something to read (__first_packet_length). */
#pragma once
#include "readers/task.bpf.h"

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct fdtable {
	unsigned int max_fds;
	struct file **fd;
};

struct files_struct {
	struct fdtable *fdt;
};

struct task_struct___files {
	struct files_struct *files;
};

/* Not ___x86 and ___arm64: libbpf has structs of these names where it is built for them. */
struct pt_regs___of_x86 {
	unsigned long di;
};

struct pt_regs___of_arm64 {
	u64 regs[31];
};

#pragma clang attribute pop

/* recvmsg, recvmmsg, recvfrom, read and readv: all have the descriptor first. */
static __always_inline u64 first_argument(void)
{
	long registers = bpf_task_pt_regs(bpf_get_current_task_btf());

	if (bpf_core_field_exists(((struct pt_regs___of_x86 *)0)->di))
		return BPF_CORE_READ((struct pt_regs___of_x86 *)registers, di);
	if (bpf_core_field_exists(((struct pt_regs___of_arm64 *)0)->regs))
		return BPF_CORE_READ((struct pt_regs___of_arm64 *)registers, regs[0]);
	return -1ULL;
}

/* Of the present program, which asks about many sockets at once: mostly they are of its own namespace. */
static __always_inline u64 own_namespace(void)
{
	return (u64)BPF_CORE_READ((struct task_struct *)bpf_get_current_task(), nsproxy, net_ns);
}

/* What lies in the place of its device is no kernel address: only what UDP has put into a queue has sizes there, and
 * only a program takes it out (udp_set_dev_scratch). */
static __always_inline bool is_queued_datagram(u64 device)
{
	return (s64)device > 0;
}

/* A struct sock; 0: it reads none, or the kernel has not what it takes to tell (Linux 5.15). */
static __noinline u64 reading_socket(void)
{
	if (!bpf_core_enum_value_exists(enum bpf_func_id, BPF_FUNC_task_pt_regs))
		return 0;
	u32 descriptor = first_argument();
	struct task_struct___files *task = (struct task_struct___files *)bpf_get_current_task();
	struct fdtable *table = BPF_CORE_READ(task, files, fdt);
	struct file *file = NULL;

	if (descriptor >= BPF_CORE_READ(table, max_fds))
		return 0;
	bpf_probe_read_kernel(&file, sizeof(file), BPF_CORE_READ(table, fd) + descriptor);
	struct socket *socket = (struct socket *)BPF_CORE_READ(file, private_data);

	return file && BPF_CORE_READ(socket, file) == file ? (u64)BPF_CORE_READ(socket, sk) : 0;
}

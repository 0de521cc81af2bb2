// SPDX-License-Identifier: Apache-2.0
// An XDP program of four instructions, return bpf_redirect(ifindex, 0), held by a link that ends with the process.
#include "redirect.h"

#include <errno.h>
#include <linux/bpf.h>
#include <linux/if_link.h>
#include <net/if.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <unistd.h>

static int load_redirect(unsigned int target)
{
	struct bpf_insn program[] = {
		{.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = 1, .imm = target},
		{.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = 2, .imm = 0},
		{.code = BPF_JMP | BPF_CALL, .imm = BPF_FUNC_redirect},
		{.code = BPF_JMP | BPF_EXIT},
	};
	union bpf_attr attributes = {
		.prog_type = BPF_PROG_TYPE_XDP,
		.insn_cnt = sizeof(program) / sizeof(program[0]),
		.insns = (uintptr_t)program,
		.license = (uintptr_t) "GPL",
	};

	return syscall(SYS_bpf, BPF_PROG_LOAD, &attributes, sizeof(attributes));
}

int redirect_by_xdp(const char *from, const char *to)
{
	unsigned int source = if_nametoindex(from), target = if_nametoindex(to);
	int program = source && target ? load_redirect(target) : -1;
	union bpf_attr attributes = {
		.link_create = {.prog_fd = program,
				.target_ifindex = source,
				.attach_type = BPF_XDP,
				.flags = XDP_FLAGS_DRV_MODE},
	};
	int link;

	if (program < 0)
		return -errno;
	link = syscall(SYS_bpf, BPF_LINK_CREATE, &attributes, sizeof(attributes));
	if (link < 0)
		link = -errno;
	close(program);
	return link;
}

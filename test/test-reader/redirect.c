// SPDX-License-Identifier: Apache-2.0
// XDP programs of a few instructions, return bpf_redirect(ifindex, 0) or a constant, held by a link that ends with the
// process.
#include "redirect.h"

#include <errno.h>
#include <linux/bpf.h>
#include <linux/if_link.h>
#include <net/if.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <unistd.h>

static int load(const struct bpf_insn *program, unsigned int instructions)
{
	union bpf_attr attributes = {
		.prog_type = BPF_PROG_TYPE_XDP,
		.insn_cnt = instructions,
		.insns = (uintptr_t)program,
		.license = (uintptr_t) "GPL",
	};

	return syscall(SYS_bpf, BPF_PROG_LOAD, &attributes, sizeof(attributes));
}

static int attach(int program, unsigned int device, unsigned int flags)
{
	union bpf_attr attributes = {
		.link_create = {.prog_fd = program, .target_ifindex = device, .attach_type = BPF_XDP, .flags = flags},
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

int redirect_by_xdp(const char *from, const char *to)
{
	unsigned int source = if_nametoindex(from), target = if_nametoindex(to);
	const struct bpf_insn program[] = {
		{.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = 1, .imm = target},
		{.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = 2, .imm = 0},
		{.code = BPF_JMP | BPF_CALL, .imm = BPF_FUNC_redirect},
		{.code = BPF_JMP | BPF_EXIT},
	};

	return attach(source && target ? load(program, 4) : -1, source, XDP_FLAGS_DRV_MODE);
}

int answer_by_xdp(const char *device, int answer, bool generic)
{
	unsigned int target = if_nametoindex(device);
	const struct bpf_insn program[] = {
		{.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = 0, .imm = answer},
		{.code = BPF_JMP | BPF_EXIT},
	};

	return attach(target ? load(program, 2) : -1, target, generic ? XDP_FLAGS_SKB_MODE : XDP_FLAGS_DRV_MODE);
}

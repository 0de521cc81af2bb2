// SPDX-License-Identifier: Apache-2.0
// XDP and tcx programs of a few instructions, which redirect or answer, held by a link that ends with the process.
#include "redirect.h"

#include <errno.h>
#include <linux/bpf.h>
#include <linux/if_link.h>
#include <net/if.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <unistd.h>

/* BPF_TCX_INGRESS and BPF_TCX_EGRESS, since Linux 6.6. */
#define TCX_INGRESS 46
#define TCX_EGRESS  47

static int load(enum bpf_prog_type type, const struct bpf_insn *program, unsigned int instructions)
{
	union bpf_attr attributes = {
		.prog_type = type,
		.insn_cnt = instructions,
		.insns = (uintptr_t)program,
		.license = (uintptr_t) "GPL",
	};

	return syscall(SYS_bpf, BPF_PROG_LOAD, &attributes, sizeof(attributes));
}

static int attach(int program, unsigned int device, unsigned int type, unsigned int flags)
{
	union bpf_attr attributes = {
		.link_create = {.prog_fd = program, .target_ifindex = device, .attach_type = type, .flags = flags},
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

	return attach(source && target ? load(BPF_PROG_TYPE_XDP, program, 4) : -1, source, BPF_XDP, XDP_FLAGS_DRV_MODE);
}

/* Half of the packets, at random, get the one answer, half of them the other. */
static int answers(enum bpf_prog_type type, int answer, int other)
{
	const struct bpf_insn program[] = {
		{.code = BPF_JMP | BPF_CALL, .imm = BPF_FUNC_get_prandom_u32},
		{.code = BPF_ALU64 | BPF_AND | BPF_K, .dst_reg = 0, .imm = 1},
		{.code = BPF_ALU64 | BPF_MUL | BPF_K, .dst_reg = 0, .imm = other - answer},
		{.code = BPF_ALU64 | BPF_ADD | BPF_K, .dst_reg = 0, .imm = answer},
		{.code = BPF_JMP | BPF_EXIT},
	};

	return load(type, program, sizeof(program) / sizeof(program[0]));
}

int answer_by_xdp(const char *device, int answer, int other, bool generic)
{
	unsigned int target = if_nametoindex(device);

	return attach(target ? answers(BPF_PROG_TYPE_XDP, answer, other) : -1, target, BPF_XDP,
		      generic ? XDP_FLAGS_SKB_MODE : XDP_FLAGS_DRV_MODE);
}

int answer_by_tcx(const char *device, bool at_ingress, int answer, int other)
{
	unsigned int target = if_nametoindex(device);

	return attach(target ? answers(BPF_PROG_TYPE_SCHED_CLS, answer, other) : -1, target,
		      at_ingress ? TCX_INGRESS : TCX_EGRESS, 0);
}

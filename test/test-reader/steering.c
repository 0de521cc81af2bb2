// SPDX-License-Identifier: Apache-2.0
// A socket filter of two instructions, return skb->mark: the sender's mark names the queue.
#include "steering.h"

#include <errno.h>
#include <linux/bpf.h>
#include <linux/if_tun.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

static int load_steering(void)
{
	struct bpf_insn program[] = {
		{.code = BPF_LDX | BPF_W | BPF_MEM,
		 .dst_reg = 0,
		 .src_reg = 1,
		 .off = offsetof(struct __sk_buff, mark)},
		{.code = BPF_JMP | BPF_EXIT},
	};
	union bpf_attr attributes = {
		.prog_type = BPF_PROG_TYPE_SOCKET_FILTER,
		.insn_cnt = 2,
		.insns = (uintptr_t)program,
		.license = (uintptr_t) "Apache-2.0",
	};

	return syscall(SYS_bpf, BPF_PROG_LOAD, &attributes, sizeof(attributes));
}

int steer_by_mark(int queue, bool on)
{
	int error = 0, program = on ? load_steering() : -1;

	if (on && program < 0)
		return -errno;
	if (ioctl(queue, TUNSETSTEERINGEBPF, &program))
		error = -errno;
	if (program >= 0)
		close(program);
	return error;
}

// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Guest to host: write() and io_uring, and what tun refuses of that.
#include "receive/refused.bpf.h"

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct kiocb {
	struct file *ki_filp;
};

#pragma clang attribute pop

/* ssize_t tun_chr_write_iter(iocb, from): write() and io_uring of who has the descriptor; one packet. */
SEC("?fexit/tun_chr_write_iter")
int written_fexit(volatile u64 *ctx)
{
	struct kiocb *iocb = (void *)ctx[0];
	s64 result = ctx[2];

	if (result >= 0 && !unattributed_tasks)
		return 0;
	return end_write((struct tun_file *)iocb->ki_filp->private_data, result);
}

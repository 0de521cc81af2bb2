// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Owners of queues: every descriptor of every process whose file is a tun_file, or a macvtap's tap_queue. Loads
// where fentry is refused.
#include "macvtap.bpf.h"
#include "readers/reader.bpf.h"

/* Address of tun_chr_close: the data symbol tun_fops is in kallsyms only with CONFIG_KALLSYMS_ALL. */
const volatile u64 tun_chr_close_address;

struct queue_owner {
	u64 tun_file; /* or tap_queue */
	u64 file;
	u32 pid; /* of the process */
	u32 descriptor;
	u64 started; /* with the number: this process and no other; ns since boot */
	u64 stack;   /* where its program's begins: each exec puts it elsewhere */
	u64 cgroups; /* a process that is moved gets another set of cgroups */
	char comm[16];
};

u64 holder_session;

/* The first holder that the iterator comes to is the oldest. */
static __always_inline void note_holder(u64 tun_file, struct task_struct *process, u64 session)
{
	struct queue_reader *reader = reader_of(tun_file);

	if (holder_session != session)
		holder_walks++;
	holder_session = session;
	if (!reader || reader->process_walk == holder_walks)
		return;
	reader->process_walk = holder_walks;
	reader->process = (u64)process;
	reader->process_started = process->start_time;
}

static __always_inline bool is_queue(u64 release)
{
	return release && (release == tun_chr_close_address || release == tap_release_seen);
}

/* Keeps the type in our BTF, where the agent looks up its fields; clang leaves out what only local variables have. */
const struct queue_owner *queue_owner_type;

SEC("iter/task_file")
int queue_owners(struct bpf_iter__task_file *ctx)
{
	struct task_struct *task = ctx->task;
	struct file *file = ctx->file;

	if (!file || !task || !is_queue((u64)file->f_op->release))
		return 0;
	struct queue_owner owner = {
		.tun_file = (u64)file->private_data,
		.file = (u64)file,
		.pid = task->tgid,
		.descriptor = ctx->fd,
		.started = task->group_leader->start_boottime,
		.stack = task->mm ? task->mm->start_stack : 0,
		.cgroups = bpf_core_field_exists(task->cgroups) ? (u64)task->cgroups : 0,
	};

	note_holder(owner.tun_file, task->group_leader, ctx->meta->session_id);
	bpf_probe_read_kernel_str(owner.comm, sizeof(owner.comm), task->comm);
	bpf_seq_write(ctx->meta->seq, &owner, sizeof(owner));
	return 0;
}

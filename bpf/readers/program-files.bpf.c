// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// The files of programs that hold queues: the queues themselves, with what waits in their send buffers, and the sockets
// beside them, in whichever namespace those are. Run while a person asks.
#include "macvtap.bpf.h"
#include "readers/program-types.bpf.h"

#define S_IFMT		     0170000
#define S_IFSOCK	     0140000
#define SOCKWQ_ASYNC_NOSPACE 1 /* bit 0 of socket.flags */
#define SOCK_NOSPACE	     4 /* bit 2 */
#define AF_UNIX		     1
#define AF_PACKET	     17
#define SOCK_DGRAM	     2
#define IPPROTO_TCP	     6
#define TCP_LISTEN	     10
#define MOST_FILES	     256 /* of a process, in one run */
#define HOLDS_NS	     5000000000ULL

enum program_file_kind { PROGRAM_QUEUE, PROGRAM_SOCKET, PROGRAM_RING };

enum send_flag {
	SEND_REFUSED = 1, /* a write found the buffer full, and was refused or had to wait, since the file was opened */
	SEND_WAITS = 2,	  /* a poll found no room, and there has been none since */
	PEER_FULL = 4,	  /* of unix datagrams: the other end holds as many as it may (max_dgram_qlen) */
	RECEIVE_FULL = 8, /* the same of this end */
	LISTENS = 16,	  /* of TCP: its drops are connection requests, not packets that a full buffer refused */
};

struct program_file {
	u64 object; /* of a queue its tun_file or tap_queue */
	u64 file;
	u64 started; /* of the process, ns since boot: with the number, this process and no other */
	u64 inode;
	u64 drops; /* packets */
	u32 pid;
	u32 holder; /* pid, or the process that holds the queue and is its parent or child */
	u32 kind;   /* enum program_file_kind */
	u32 netns;
	u32 family, type, protocol,
		port;		     /* port: local, in the host's order; of a packet socket the device's ifindex */
	u32 received, receive_limit; /* bytes, as the kernel charges them: more than the packets' own */
	u32 sent, send_limit;
	u32 send_flags;
	u32 mtu, vnet_header; /* of a tun or tap; bytes */
	char comm[16];
};

/* Processes that hold queues, their parents and children; an iterator comes to sockets before it comes to the queue, so
 * that they are for the next run. */
struct program {
	u64 seen; /* ns */
	u64 session;
	u64 files; /* that the run of this session has written */
	u32 holder;
};

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 4096); /* a host of a thousand guests has two for each */
	__type(key, u32);
	__type(value, struct program);
} queue_programs SEC(".maps");

/* Keep the types in our BTF, where the agent looks up their fields. */
const struct program_file *program_file_type;
const enum program_file_kind program_file_kind_type;
const enum send_flag send_flag_type;

static __always_inline u64 drops_of(struct sock___program *sk)
{
	struct sock___numa *numa = (struct sock___numa *)sk;

	if (bpf_core_field_exists(numa->sk_drop_counters)) {
		struct numa_drop_counters *drops = BPF_CORE_READ(numa, sk_drop_counters);

		if (drops)
			return (u64)(u32)BPF_CORE_READ(drops, drops0.counter) +
			       (u32)BPF_CORE_READ(drops, drops1.counter);
	}
	return (u32)BPF_CORE_READ(sk, sk_drops.counter);
}

static __always_inline void write_buffers(struct program_file *out, struct sock___program *sk)
{
	unsigned long flags = BPF_CORE_READ(sk, sk_socket, flags);

	out->netns = BPF_CORE_READ(sk, __sk_common.skc_net.net, ns.inum);
	out->send_limit = BPF_CORE_READ(sk, sk_sndbuf);
	out->sent = BPF_CORE_READ(sk, sk_wmem_alloc.refs.counter) - 1; /* 1 for the socket itself */
	out->send_flags = (flags & SOCK_NOSPACE ? SEND_REFUSED : 0) | (flags & SOCKWQ_ASYNC_NOSPACE ? SEND_WAITS : 0);
}

/* unix_recvq_full() */
static __always_inline bool is_full(struct sock___program *sk)
{
	return sk && BPF_CORE_READ(sk, sk_receive_queue.qlen) > BPF_CORE_READ(sk, sk_max_ack_backlog);
}

static __always_inline u32 datagrams_of(struct sock___program *sk)
{
	struct unix_sock___program *end = (struct unix_sock___program *)sk;

	if (!bpf_core_field_exists(end->peer))
		return 0;
	return (is_full(BPF_CORE_READ(end, peer)) ? PEER_FULL : 0) | (is_full(sk) ? RECEIVE_FULL : 0);
}

static __always_inline void write_socket(struct program_file *out, struct sock___program *sk)
{
	out->kind = PROGRAM_SOCKET;
	out->family = BPF_CORE_READ(sk, __sk_common.skc_family);
	out->port = BPF_CORE_READ(sk, __sk_common.skc_num);
	out->type = BPF_CORE_READ(sk, sk_type);
	out->protocol = BPF_CORE_READ(sk, sk_protocol);
	out->received = BPF_CORE_READ(sk, sk_backlog.rmem_alloc.counter);
	out->receive_limit = BPF_CORE_READ(sk, sk_rcvbuf);
	out->drops = drops_of(sk);
	write_buffers(out, sk);
	if (out->protocol == IPPROTO_TCP) {
		out->sent = BPF_CORE_READ(sk, sk_wmem_queued);
		out->send_flags |= BPF_CORE_READ(sk, __sk_common.skc_state) == TCP_LISTEN ? LISTENS : 0;
	}
	if (out->family == AF_UNIX && out->type == SOCK_DGRAM)
		out->send_flags |= datagrams_of(sk);
	if (out->family == AF_PACKET) {
		struct packet_sock___program *packet = (struct packet_sock___program *)sk;

		out->port = bpf_core_field_exists(packet->ifindex) ? BPF_CORE_READ(packet, ifindex) : 0;
	}
}

/* A tun_file and a tap_queue begin with their struct sock. */
static __always_inline void write_queue_file(struct program_file *out, u64 object, bool is_tun)
{
	struct tun_file *file = (struct tun_file *)object;

	out->kind = PROGRAM_QUEUE;
	out->object = object;
	write_buffers(out, (struct sock___program *)object);
	if (!is_tun)
		return;
	struct tun_struct *tun = BPF_CORE_READ(file, tun);
	struct tun_struct___header *header = (struct tun_struct___header *)tun;
	struct net_device___mtu *dev = (struct net_device___mtu *)BPF_CORE_READ(tun, dev);

	out->mtu = BPF_CORE_READ(dev, mtu);
	if (bpf_core_field_exists(header->vnet_hdr_sz))
		out->vnet_header = BPF_CORE_READ(header, vnet_hdr_sz);
}

static __always_inline void note_program(u32 pid, u32 holder, u64 session)
{
	struct program *known = bpf_map_lookup_elem(&queue_programs, &pid);
	struct program fresh = {.seen = bpf_ktime_get_ns(), .session = session, .holder = holder};

	if (!known)
		bpf_map_update_elem(&queue_programs, &pid, &fresh, BPF_ANY);
	else if (holder == pid || known->holder != pid) {
		known->seen = fresh.seen;
		known->holder = holder;
	}
}

static __always_inline struct program *known_program(u32 pid)
{
	struct program *program = bpf_map_lookup_elem(&queue_programs, &pid);

	return program && bpf_ktime_get_ns() - program->seen <= HOLDS_NS ? program : NULL;
}

/* The process that forked this one, if both run the same program: a shell or a supervisor has sockets of its own. 0:
 * none. */
static __always_inline u32 parent_of(struct task_struct *task)
{
	struct task_struct___program *child = (struct task_struct___program *)task->group_leader;
	struct task_struct___program *parent = BPF_CORE_READ(child, real_parent);
	u64 file = (u64)BPF_CORE_READ(child, mm, exe_file), other = (u64)BPF_CORE_READ(parent, mm, exe_file);

	return file && file == other ? BPF_CORE_READ(parent, tgid) : 0;
}

/* The process whose queue this process has to do with, if not too many of its files were written; else 0. */
static __always_inline u32 wanted_for(struct task_struct *task, u64 session)
{
	u32 pid = task->tgid;
	struct program *program = known_program(pid);

	if (!program) {
		u32 parent = parent_of(task);
		struct program *holder = parent ? known_program(parent) : NULL;

		if (!holder || holder->holder != parent)
			return 0;
		note_program(pid, parent, session);
		program = known_program(pid);
		if (!program)
			return 0;
	}
	if (program->session != session) {
		program->session = session;
		program->files = 0;
	}
	return program->files++ < MOST_FILES ? program->holder : 0;
}

/* An io_uring, or vhost-net: by these packets are taken without any read(). */
static __always_inline bool is_ring(struct file___program *file)
{
	char name[12] = {};

	bpf_probe_read_kernel_str(name, sizeof(name), BPF_CORE_READ(file, f_path.dentry, d_name.name));
	if (name[0] == '[')
		return name[1] == 'i' && name[2] == 'o' && name[3] == '_' && name[4] == 'u';
	return name[0] == 'v' && name[1] == 'h' && name[2] == 'o' && name[3] == 's' && name[4] == 't' &&
	       name[5] == '-' && name[6] == 'n';
}

SEC("iter/task_file")
int program_files(struct bpf_iter__task_file *ctx)
{
	struct task_struct *task = ctx->task;
	struct file *file = ctx->file;

	if (!file || !task)
		return 0;
	struct file___program *described = (struct file___program *)file;
	u64 release = (u64)file->f_op->release, object = (u64)file->private_data;
	u64 session = ctx->meta->session_id;
	u32 pid = task->tgid;
	struct program_file out = {};

	if (is_queue(release)) {
		u32 parent = parent_of(task);

		note_program(pid, pid, session);
		if (parent)
			note_program(parent, pid, session);
		out.holder = pid;
		write_queue_file(&out, object, release == tun_chr_close_address);
	} else if ((BPF_CORE_READ(described, f_inode, i_mode) & S_IFMT) == S_IFSOCK) {
		struct sock___program *sk = (struct sock___program *)BPF_CORE_READ((struct socket *)object, sk);

		if (!sk)
			return 0;
		out.holder = wanted_for(task, session);
		if (!out.holder)
			return 0;
		write_socket(&out, sk);
	} else if (is_ring(described)) {
		out.holder = wanted_for(task, session);
		if (!out.holder)
			return 0;
		out.kind = PROGRAM_RING;
	} else {
		return 0;
	}
	out.file = (u64)file;
	out.pid = pid;
	out.started = task->group_leader->start_boottime;
	out.inode = BPF_CORE_READ(described, f_inode, i_ino);
	bpf_probe_read_kernel_str(out.comm, sizeof(out.comm), task->group_leader->comm);
	bpf_seq_write(ctx->meta->seq, &out, sizeof(out));
	return 0;
}

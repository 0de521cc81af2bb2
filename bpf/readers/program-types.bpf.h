/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The kernel's types that the files of programs are read by. */
#pragma once

#include "kernel.bpf.h"

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct inode___program {
	u16 i_mode;
	unsigned long i_ino;
};

struct qstr___program {
	const unsigned char *name;
};

struct dentry___program {
	struct qstr___program d_name;
};

struct path___program {
	struct dentry___program *dentry;
};

struct file___program {
	struct inode___program *f_inode;
	struct path___program f_path;
};

struct socket___program {
	unsigned long flags;
};

struct sock_common___program {
	u16 skc_family, skc_num;
	u8 skc_state;
	possible_net_t skc_net;
};

struct sock___program {
	struct sock_common___program __sk_common;
	struct {
		atomic_t rmem_alloc;
	} sk_backlog;
	atomic_t sk_drops;
	refcount_t sk_wmem_alloc;
	int sk_wmem_queued, sk_sndbuf, sk_rcvbuf;
	struct {
		u32 qlen;
	} sk_receive_queue;
	u32 sk_max_ack_backlog;
	u16 sk_type, sk_protocol;
	struct socket___program *sk_socket;
};

/* Since Linux 6.18 UDP counts drops here. */
struct numa_drop_counters {
	atomic_t drops0, drops1;
};

struct sock___numa {
	struct numa_drop_counters *sk_drop_counters;
};

/* A module of its own on some kernels: there it is not in BTF, and such sockets are left out. */
struct packet_sock___program {
	int ifindex;
};

struct unix_sock___program {
	struct sock___program *peer;
};

struct mm_struct___program {
	struct file *exe_file;
};

struct task_struct___program {
	int tgid;
	struct task_struct___program *real_parent;
	struct mm_struct___program *mm;
};

struct net_device___mtu {
	unsigned int mtu;
};

struct tun_struct___header {
	int vnet_hdr_sz;
};

#pragma clang attribute pop

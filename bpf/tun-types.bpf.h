/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Types of tun, and the ring in which its packets wait. */
#pragma once
#include "kernel.bpf.h"

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct qspinlock {
	atomic_t val;
};

struct raw_spinlock {
	struct qspinlock raw_lock;
};

struct spinlock {
	struct raw_spinlock rlock;
};

typedef struct spinlock spinlock_t;

struct ptr_ring {
	int producer;
	spinlock_t producer_lock;
	int consumer_head;
	int consumer_tail;
	spinlock_t consumer_lock;
	int size;
	void **queue;
};

struct xdp_rxq_info {
	struct net_device *dev;
};

struct tun_struct;

struct tun_file {
	struct socket socket;
	struct tun_struct *tun;
	u16 queue_index;
	struct list_head next;
	struct tun_struct *detached;
	struct ptr_ring tx_ring;
	int cons_cnt; /* Linux 7.3 */
	struct xdp_rxq_info xdp_rxq;
};

struct tun_struct {
	struct tun_file *tfiles[256];
	unsigned int numqueues;
	unsigned int flags;
	struct net_device *dev;
	struct list_head disabled;
	unsigned int numdisabled;
	atomic_long_t rx_frame_errors;
	struct bpf_prog *xdp_prog;
};

#pragma clang attribute pop

#define IFF_BACKPRESSURE 0x80

/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The kernel types and fields that we read, and nothing else: CO-RE finds their places on the running kernel. Those of
 * tun are in tun-types.bpf.h. */
#pragma once
#include <stdbool.h>
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>

typedef __u8 u8;
typedef __u16 u16;
typedef __u32 u32;
typedef __u64 u64;
typedef __s32 s32;
typedef __s64 s64;

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct list_head {
	struct list_head *next;
};

struct kernfs_elem_dir {
	unsigned long rev;
};

struct kernfs_node {
	u64 id;
	struct kernfs_elem_dir dir; /* of a directory */
};

struct kobject {
	struct kernfs_node *sd;
};

struct kset {
	struct kobject kobj;
};

struct device {
	struct kobject kobj;
};

struct proc_ns_operations;

struct ns_common {
	const struct proc_ns_operations *ops;
	unsigned int inum;
};

struct net_device;

struct hlist_node {
	struct hlist_node *next;
};

struct hlist_head {
	struct hlist_node *first;
};

struct net {
	struct ns_common ns;
	struct list_head list;
	struct list_head dev_base_head;
	struct hlist_head *dev_index_head;
	struct net_device *loopback_dev;
};

typedef struct {
	struct net *net;
} possible_net_t;

struct net_device_ops {
	void *ndo_start_xmit;
};

struct rtnl_link_ops {
	const char *kind;
};

struct Qdisc_ops {
	char id[16];
};

struct qdisc_skb_head {
	u32 qlen;
};

/* uapi/linux/gen_stats.h */
struct gnet_stats_queue {
	u32 qlen, backlog, drops, requeues, overlimits;
};

typedef struct {
	u64 v;
} u64_stats_t;

struct gnet_stats_basic_sync {
	u64_stats_t bytes, packets;
};

struct Qdisc {
	void *enqueue;
	unsigned int flags;
	const struct Qdisc_ops *ops;
	struct hlist_node hash;
	u32 handle, parent;
	struct gnet_stats_queue *cpu_qstats;
	struct qdisc_skb_head q;
	struct gnet_stats_basic_sync bstats; /* sent */
	struct gnet_stats_queue qstats;
};

struct netdev_queue {
	struct net_device *dev;
	struct Qdisc *qdisc;
	unsigned long state;
};

struct pcpu_sw_netstats {
	u64_stats_t rx_packets, rx_bytes, tx_packets, tx_bytes;
};

struct net_device_core_stats {
	unsigned long rx_dropped, tx_dropped;
};

typedef struct {
	int counter;
} atomic_t;

typedef struct {
	s64 counter;
} atomic_long_t;

struct bpf_prog_aux {
	u32 id;
};

struct bpf_prog {
	struct bpf_prog_aux *aux;
};

struct net_device {
	char name[16];
	int ifindex;
	unsigned int flags, num_tx_queues, tx_queue_len;
	unsigned long state;
	u8 reg_state;
	atomic_t carrier_up_count;
	struct netdev_queue *_tx;
	struct Qdisc *qdisc;
	struct hlist_head qdisc_hash[16]; /* with CONFIG_NET_SCHED: all but the root, by handle */
	const struct net_device_ops *netdev_ops;
	const struct rtnl_link_ops *rtnl_link_ops;
	struct pcpu_sw_netstats *tstats;
	struct net_device_core_stats *core_stats;
	possible_net_t nd_net;
	struct list_head dev_list;
	struct hlist_node index_hlist;
	struct device dev;
	struct kset *queues_kset;  /* with CONFIG_SYSFS */
	void *rx_handler_data;	   /* of a port of a bridge: its struct net_bridge_port */
	struct bpf_prog *xdp_prog; /* generic XDP; the driver's is tun_struct's */
};

/* reg_state is a bit-field of an enum up to 6.6 or so, u8 later; CO-RE calls int and enum incompatible. */
enum netdev_reg_state { NETREG_OF_NO_KERNEL };
struct net_device___enum {
	enum netdev_reg_state reg_state : 8;
};

/* 6.12 and later: private data is a member; before, it follows the aligned struct. */
struct net_device___priv {
	u8 priv[0];
};

typedef struct {
	atomic_t refs;
} refcount_t;
struct sk_buff {
	struct net_device *dev;
	struct sock *sk;
	void *destructor;
	unsigned long _skb_refdst;
	int skb_iif;
	u8 pkt_type : 3;
	u16 queue_mapping, alloc_cpu;
	unsigned int len;
	u16 protocol, network_header; /* protocol: in network order */
	unsigned int tail;	      /* from head, as the network header */
	unsigned char *head;
	refcount_t users;
};

struct wait_queue_head {
	struct list_head head;
};

typedef struct wait_queue_head wait_queue_head_t;

struct socket_wq {
	wait_queue_head_t wait;
};

struct file;

struct socket {
	struct file *file;
	struct sock *sk;
	struct socket_wq wq;
};

struct netdev_rx_queue {
	void *rps_map; /* with CONFIG_RPS */
};

struct file_operations {
	void *release;
};

struct file {
	const struct file_operations *f_op;
	void *private_data;
};

struct task_struct;
struct bpf_map;

struct bpf_array {
	void *pptrs[0];
};

struct seq_file;

struct bpf_iter_meta {
	struct seq_file *seq;
	u64 session_id;
};

struct bpf_iter__task_file {
	struct bpf_iter_meta *meta;
	struct task_struct *task;
	u32 fd;
	struct file *file;
};

#pragma clang attribute pop

#define NETDEV_TX_XOFF 1 /* __QUEUE_STATE_DRV_XOFF: bit 0 of netdev_queue.state */

/* A pointer's value as a number: the verifier refuses arithmetic on pointers, but copies what we spilled. */
static __always_inline u64 address_of(const void *pointer)
{
	u64 value;

	bpf_probe_read_kernel(&value, sizeof(value), &pointer);
	return value;
}

/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The walk's output: one entry for each tun or tap device and one for each of its queues. */
#pragma once
#include "kernel.bpf.h"

enum queue_flag {
	QUEUE_DETACHED = 1,
	QUEUE_STOPPED = 2,   /* DRV_XOFF */
	QUEUE_HAS_QDISC = 4, /* its qdisc has an enqueue function: not noqueue */
	QUEUE_BUSY = 8,	     /* both ring locks were held: occupancy may be that of a resize in progress */
	QUEUE_TORN = 16,     /* the ring's indices did not fit together */
	QUEUE_BACKEND = 32,  /* the kernel itself takes packets for a guest: what is held below is its */
	QUEUE_ZEROCOPY = 64, /* and may send the guest's packets without copying them */
};

enum device_kind { KIND_TUN, KIND_MACVTAP, KIND_IPVTAP };

#define NOT_COUNTED ~0ULL

enum port_reading { PORT_NONE, PORT_UNREAD, PORT_READ };

struct walked_device {
	u64 device, device_id;
	u32 netns, ifindex;
	char name[16];
	char qdisc[16];
	u32 tun_flags, device_flags;
	u64 state; /* bit 2: no carrier */
	u32 queue_length, detached, first_queue, queues_written;
	u32 carrier_ups; /* times that a reader came when none was there */
	enum device_kind kind;
	u64 queue_changes;     /* queues that ever joined or left beside another one; NOT_COUNTED */
	u64 conntrack_dropped; /* of its namespace; NOT_COUNTED */
	u64 tx_packets, tx_bytes, tx_dropped, rx_packets, rx_bytes, rx_dropped, rx_frame_errors;
	u32 xdp_program, xdp_generic; /* ids of XDP programs: in tun, and behind it; 0: none */
	enum port_reading port;	      /* of a bridge; all below is that bridge's and that port's */
	u32 bridge_flags, bridge_stp, bridge_options, port_state, port_flags, isolated_beside;
	char bridge[16];
	/* Of the qdisc tree, as far as it is read. */
	u64 holder_sent; /* packets that left the holder; NOT_COUNTED */
	u32 backlog_read, backlog_packets, backlog_bytes;
	u32 qdisc_dropped, qdisc_requeues;
	u32 holder_packets, holder_handle, holder_class; /* the part of the tree that most of them stand in */
	u32 holder_queue;				 /* whose own qdisc it is, + 1; 0: that of all queues */
	char holder[16];
};

struct walked_queue {
	u64 tun_file;
	u64 file;   /* the address of a tun_file alone is used again at once */
	u32 device; /* index of its walked_device */
	u32 queue;
	enum queue_flag flags;
	u32 used;
	s32 size, consumer_head, consumer_tail;
	u32 outstanding;	/* packets that the guest sent and the backend did not copy, on their way */
	u32 held;		/* packets that the backend has taken and not delivered */
	u32 worker, worker_cpu; /* of the backend: thread id, 0 if unknown; CPU of its last run */
	u64 worker_ns;
	char worker_comm[16];
	u32 reader;	 /* slot of its queue_reader + 1; 0: none */
	u32 taken_since; /* packets that left the ring between the sample of it and the device's counters */
};

struct walk_result {
	u32 tuns, queues;
	u32 derailed;	     /* the list changed under the walk: what was written is incomplete, walk again */
	u32 left_out;	     /* devices or queues that the output had no room for */
	u32 list_heads;	     /* exactly one for a complete walk */
	u32 flow_watched;    /* in: the wakes of stopped queues are seen */
	u32 consumer_seen;   /* in: packets are counted when they are taken, under the ring's lock */
	u32 departures_seen; /* in: they are looked at when the call that took them ends */
	u32 exit_hooked;     /* in: the exit of the transmit function is seen beside its entry */
	u32 ports;	     /* devices that are ports of a bridge */
	struct bridge_layout bridge_layout; /* in */
};

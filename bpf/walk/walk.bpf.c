// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// The walk: every network namespace, every tun and tap device, every queue, idle ones too, without RTNL, netlink or
// entering a namespace.
#include "walk/bridge-port.bpf.h"
#include "walk/conntrack.bpf.h"
#include "device.bpf.h"
#include "ring/overflow.bpf.h"
#include "vhost/held.bpf.h"
#include "drops/location.bpf.h"
#include "walk/per-cpu.bpf.h"
#include "ring/ring.bpf.h"
#include "walk/visit.bpf.h"
#include "walk/walk-state.bpf.h"
#include "walk/watch.bpf.h"

/* Global, as all below that take no pointers: the verifier then looks at it once, not once for each way that leads
 * here. */
__noinline int write_queue(u64 file_address, u32 queue, u32 flags)
{
	struct tun_file *file = (struct tun_file *)file_address;
	u32 index = walk.queues;
	struct walked_queue *out = bpf_map_lookup_elem(&walked_queues, &index);
	struct ring_state ring = {};
	struct held held = {};
	struct net_device *dev = at.dev; /* a local: CO-RE would try to relocate a read through our own struct */

	if (!out) {
		walk.overflowed++;
		return 1;
	}
	walk.queues++;
	if (!(flags & QUEUE_DETACHED)) {
		struct netdev_queue *txq = transmit_queue(dev, queue);

		if (BPF_CORE_READ(txq, state) & NETDEV_TX_XOFF)
			flags |= QUEUE_STOPPED;
		if (BPF_CORE_READ(txq, qdisc, enqueue))
			flags |= QUEUE_HAS_QDISC;
	}
	if (file) {
		read_ring(file, &ring);
		read_held(file, &held);
	}
	flags |= (held.connected ? QUEUE_VHOST : 0) | (held.zerocopy ? QUEUE_ZEROCOPY : 0);
	out->reader = 0;
	if (file && !(flags & QUEUE_DETACHED))
		out->reader = watch_reader(file_address, (u64)dev, held.thread, queue);
	flags |= (ring.busy ? QUEUE_BUSY : 0) | (ring.torn ? QUEUE_TORN : 0);
	out->tun_file = file_address;
	out->file = (u64)BPF_CORE_READ(file, socket.file);
	out->device = at.device;
	out->queue = queue;
	out->flags = flags;
	out->used = ring.used;
	out->size = ring.size;
	out->consumer_head = ring.consumer_head;
	out->consumer_tail = ring.consumer_tail;
	out->held = held.packets;
	out->outstanding = held.outstanding;
	out->worker = held.worker;
	out->worker_cpu = held.cpu;
	out->worker_ns = held.worker_ns;
	__builtin_memcpy(out->worker_comm, held.comm, sizeof(held.comm));
	return 0;
}

static long each_queue(u32 queue, void *unused)
{
	return write_queue((u64)tun_file_at(at.tun, queue), queue, 0) != 0;
}

static long each_disabled(u32 i, void *unused)
{
	u64 entry = at.next_disabled;
	struct tun_file *file = (void *)(entry - bpf_core_field_offset(struct tun_file, next));
	struct list_head *element = (struct list_head *)entry;

	if (!entry || entry == (u64)&at.tun->disabled || BPF_CORE_READ(file, detached) != at.tun)
		return 1;
	at.next_disabled = (u64)BPF_CORE_READ(element, next);
	return write_queue((u64)file, BPF_CORE_READ(file, queue_index), QUEUE_DETACHED) != 0;
}

static long each_cpu(u32 cpu, void *unused)
{
	u32 zero = 0;
	void *here = bpf_map_lookup_percpu_elem(&per_cpu_anchor, &zero, cpu);
	u32 index = at.device;
	struct walked_device *out = bpf_map_lookup_elem(&walked_devices, &index);

	if (!here || !out)
		return 1;
	ADD_DEVICE_COUNTERS(out, address_of(here) - at.anchor, at.tstats, at.core_stats);
	return 0;
}

/* The device's counters are read after its rings: what is taken in between would be told twice. */
static long each_ring_again(u32 i, u32 *first)
{
	u32 index = *first + i;
	struct walked_queue *out = bpf_map_lookup_elem(&walked_queues, &index);
	struct tun_file *file = out ? (struct tun_file *)out->tun_file : NULL;

	if (!out)
		return 1;
	out->taken_since = 0;
	if (!file)
		return 0;
	s32 taken = BPF_CORE_READ(file, tx_ring.consumer_head) - out->consumer_head;

	out->taken_since = taken < 0 ? taken + out->size : taken;
	return 0;
}

/*
 * tun_set_real_num_queues() makes an object of sysfs for each queue that joins, and takes one away for each that
 * leaves: the revision of their folder counts both. The first queue keeps its own while none is attached. Without
 * CONFIG_RPS queues have one object, for sending, else another one for receiving.
 */
static __always_inline u64 queue_changes(struct net_device *dev)
{
	u64 objects = bpf_core_field_exists(((struct netdev_rx_queue *)0)->rps_map) ? 2 : 1;

	if (!bpf_core_field_exists(dev->queues_kset) || !bpf_core_field_exists(((struct kernfs_node *)0)->dir.rev))
		return NOT_COUNTED;
	return BPF_CORE_READ(dev, queues_kset, kobj.sd, dir.rev) / objects;
}

static __always_inline void write_device(struct walked_device *out, struct net *net, struct net_device *dev,
					 struct tun_struct *tun)
{
	__builtin_memset(out, 0, sizeof(*out));
	out->device = (u64)dev;
	out->device_id = device_id((u64)dev);
	out->netns = BPF_CORE_READ(net, ns.inum);
	out->ifindex = BPF_CORE_READ(dev, ifindex);
	BPF_CORE_READ_STR_INTO(&out->name, dev, name);
	bpf_probe_read_kernel_str(&out->qdisc, sizeof(out->qdisc),
				  BPF_CORE_READ(dev, qdisc, ops) ? &BPF_CORE_READ(dev, qdisc, ops)->id : NULL);
	out->tun_flags = BPF_CORE_READ(tun, flags);
	out->device_flags = BPF_CORE_READ(dev, flags);
	out->state = BPF_CORE_READ(dev, state);
	out->queue_length = BPF_CORE_READ(dev, tx_queue_len);
	out->carrier_ups = carrier_ups_of((u64)dev);
	out->queue_changes = queue_changes(dev);
	out->rx_frame_errors = BPF_CORE_READ(tun, rx_frame_errors.counter);
	out->xdp_program = BPF_CORE_READ(tun, xdp_prog, aux, id);
	if (bpf_core_field_exists(dev->xdp_prog))
		out->xdp_generic = BPF_CORE_READ(dev, xdp_prog, aux, id);
	out->detached = BPF_CORE_READ(tun, numdisabled);
	out->first_queue = walk.queues;
}

__noinline int walk_device(void)
{
	struct net_device *dev = at.dev;
	struct tun_struct *tun = tun_of(dev);
	u32 index = walk.tuns, queues = BPF_CORE_READ(tun, numqueues);
	struct walked_device *out = bpf_map_lookup_elem(&walked_devices, &index);

	if (queues > 256 || BPF_CORE_READ(tun, dev) != dev)
		return 0; /* it is being made or torn down */
	if (!out) {
		walk.overflowed++;
		return 0;
	}
	at.device = index;
	at.tun = tun;
	write_device(out, at.net, dev, tun);
	out->conntrack_dropped = conntrack_dropped();
	write_port(out, dev);
	bpf_loop(queues, each_queue, NULL, 0);
	if (out->detached) {
		at.next_disabled = (u64)BPF_CORE_READ(tun, disabled.next);
		bpf_loop(256, each_disabled, NULL, 0);
	}
	out->queues_written = walk.queues - out->first_queue;
	at.tstats = (u64)BPF_CORE_READ(dev, tstats);
	at.core_stats = (u64)BPF_CORE_READ(dev, core_stats);
	bpf_loop(possible_cpus, each_cpu, NULL, 0);
	u32 first = out->first_queue;

	bpf_loop(out->queues_written, each_ring_again, &first, 0);
	walk.tuns++;
	return 0;
}

static bool is_macvtap(struct net_device *dev, enum device_kind kind);
int walk_macvtap(void);

static long each_device(u32 i, void *unused)
{
	if (at.next_dev == at.dev_head)
		return 1;
	struct net_device *dev = (void *)(at.next_dev - bpf_core_field_offset(struct net_device, dev_list));

	if (BPF_CORE_READ(dev, nd_net.net) != at.net) { /* unlinked or moved meanwhile: its list leads elsewhere */
		walk.derailed++;
		return 1;
	}
	at.dev = dev;
	at.next_dev = (u64)BPF_CORE_READ(dev, dev_list.next);
	if (registration_state(dev) != NETREG_REGISTERED)
		return 0;
	if (at.kind == KIND_TUN && is_tun((u64)dev))
		walk_device();
	else if (at.kind != KIND_TUN && is_macvtap(dev, at.kind))
		walk_macvtap();
	return 0;
}

static long each_namespace(u32 i, void *unused)
{
	u64 element = at.next_net;
	struct net *net = (void *)(element - bpf_core_field_offset(struct net, list));
	u64 next = (u64)BPF_CORE_READ((struct list_head *)element, next);

	/* net_namespace_list itself is in the ring of namespaces, and it has no symbol: it is the one that is no struct
	 * net. */
	if ((u64)BPF_CORE_READ(net, ns.ops) != at.ops) {
		if (++walk.list_heads > 1)
			return 1;
	} else if (BPF_CORE_READ(net, loopback_dev, nd_net.net) == net) {
		at.net = net;
		at.dev_head = (u64)&net->dev_base_head;
		at.next_dev = (u64)BPF_CORE_READ(net, dev_base_head.next);
		bpf_loop(1 << 20, each_device, NULL, 0);
	}
	at.next_net = next;
	return !next || next == at.first_net;
}

/* After the walk, and not in the midst of it: so deep in calls there is no room on the stack. */
static long each_visited(u32 index, void *unused)
{
	struct walked_queue *queue = bpf_map_lookup_elem(&walked_queues, &index);
	u32 number = queue ? queue->device : 0;
	struct walked_device *device = bpf_map_lookup_elem(&walked_devices, &number);

	if (!queue || !device)
		return 1;
	if (!(queue->flags & QUEUE_DETACHED))
		visit_shared(device->device, queue->queue, queue->used, walk.flow_watched);
	return 0;
}

static __always_inline int walk_namespaces(enum device_kind kind, struct walk_result *result)
{
	struct task_struct *task = (struct task_struct *)bpf_get_current_task();
	struct net *net = BPF_CORE_READ(task, nsproxy, net_ns);

	at.kind = kind;
	__builtin_memset(&walk, 0, sizeof(walk));
	walk.flow_watched = result->flow_watched;
	if (kind == KIND_TUN)
		begin_watch();
	at.anchor = anchor_of_cpus();
	conntrack_at.net = 0;
	at.ops = (u64)BPF_CORE_READ(net, ns.ops);
	at.first_net = at.next_net = (u64)&net->list;
	bpf_loop(1 << 20, each_namespace, NULL, 0);
	if (kind == KIND_TUN)
		bpf_loop(walk.queues, each_visited, NULL, 0);
	if (kind == KIND_TUN && !walk.derailed && !walk.overflowed && walk.list_heads == 1)
		forget_readers();
	walk.bridge_layout = bridge_layout;
	__builtin_memcpy(result, &walk, sizeof(walk));
	return 0;
}

SEC("syscall")
int walk_queues(struct walk_result *result)
{
	/* Verdicts live from one walk to the next. */
	learn_rows_address();
	forget_foreign();
	forget_locations();
	find_own_text();
	bridge_layout = result->bridge_layout;
	consumer_seen = result->consumer_seen;
	departures_seen = result->departures_seen;
	exit_hooked = result->exit_hooked;
	return walk_namespaces(KIND_TUN, result);
}

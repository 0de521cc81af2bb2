// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// The walk: every network namespace, every tun and tap device, every queue, idle ones too, without RTNL, netlink or
// entering a namespace.
#include "walk/backlog.bpf.h"
#include "walk/bridge-port.bpf.h"
#include "walk/conntrack.bpf.h"
#include "device.bpf.h"
#include "on-request.bpf.h"
#include "ring/overflow.bpf.h"
#include "drops/location.bpf.h"
#include "walk/per-cpu.bpf.h"
#include "ring/ring.bpf.h"
#include "walk/visit.bpf.h"
#include "walk/walk-state.bpf.h"
#include "walk/walked-queue.bpf.h"

__noinline int add_cpu(u32 cpu)
{
	u32 index = at.device;
	struct walked_device *out = bpf_map_lookup_elem(&walked_devices, &index);

	if (!out)
		return 0;
	ADD_COUNTERS_OF_CPU(out, cpu, at);
	return 0;
}

/* The device's counters are read after its rings: what is taken in between would be told twice. */
__noinline int read_again(u32 index)
{
	struct walked_queue *out = bpf_map_lookup_elem(&walked_queues, &index);
	struct tun_file *file = out ? (struct tun_file *)out->tun_file : NULL;

	if (!out || index >= walk.queues)
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

/* In two loops, for the verifier follows each turn: 16 and 32 cost it a tenth of 512. 1: there are no more. */
__noinline int read_some_again(u32 first)
{
	for (u32 i = 0; i < 16; i++)
		if (read_again(first + i))
			return 1;
	return 0;
}

/* From this one to the newest: 256 attached queues and 256 others at most. */
__noinline int read_all_again(u32 first)
{
	for (u32 i = 0; i < 512; i += 16)
		if (read_some_again(first + i))
			break;
	return 0;
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
	qdiscs.root = (u64)BPF_CORE_READ(dev, qdisc);
	read_kind(&out->qdisc, (struct Qdisc *)qdiscs.root);
	out->tun_flags = BPF_CORE_READ(tun, flags);
	out->device_flags = BPF_CORE_READ(dev, flags);
	out->state = BPF_CORE_READ(dev, state);
	out->queue_length = BPF_CORE_READ(dev, tx_queue_len);
	out->carrier_ups = carrier_ups_of((u64)dev);
	out->queue_changes = queue_changes(dev);
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
		walk.left_out++;
		return 0;
	}
	at.device = index;
	at.tun = tun;
	write_device(out, at.net, dev, tun);
	out->conntrack_dropped = conntrack_dropped();
	write_port(out, dev);
	write_queues(queues);
	if (out->detached) {
		at.next_disabled = (u64)BPF_CORE_READ(tun, disabled.next);
		write_all_disabled();
	}
	out->queues_written = walk.queues - out->first_queue;
	write_backlog(out, queues);
	at.tstats = (u64)BPF_CORE_READ(dev, tstats);
	FIND_DROPS(out, at, dev, tun);
	for (u32 cpu = 0; cpu < possible_cpus; cpu++)
		add_cpu(cpu);
	read_all_again(out->first_queue);
	walk.tuns++;
	return 0;
}

static bool is_macvtap(struct net_device *dev, enum device_kind kind);
int walk_macvtap(void);

/* `tuns`: known where it is compiled, so that a program has, and the verifier follows, only what its own kind needs. */
static __always_inline int walk_next_device(bool tuns)
{
	struct net_device *dev = (void *)(at.next_dev - bpf_core_field_offset(struct net_device, dev_list));

	if (BPF_CORE_READ(dev, nd_net.net) != at.net) { /* unlinked or moved meanwhile: its list leads elsewhere */
		walk.derailed++;
		at.next_dev = at.dev_head;
		return 0;
	}
	at.dev = dev;
	at.next_dev = (u64)BPF_CORE_READ(dev, dev_list.next);
	if (registration_state(dev) != NETREG_REGISTERED)
		return 0;
	if (tuns && is_tun((u64)dev))
		walk_device();
	else if (!tuns && is_macvtap(dev, at.kind))
		walk_macvtap();
	return 0;
}

/* 1: its caller must not go on. */
static __always_inline int walk_next_namespace(void)
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
	}
	at.next_net = next == at.first_net ? 0 : next;
	return 0;
}

/*
 * bpf_loop() came with Linux 5.17, and older verifiers know loops of a fixed length. A global function they check once,
 * and so each turn of a loop is cheap.
 */
static __always_inline int walk_step(bool tuns)
{
	if (at.next_dev != at.dev_head)
		return walk_next_device(tuns);
	return !at.next_net || walk_next_namespace();
}

__noinline int walk_next(void)
{
	return walk_step(true);
}

__noinline int walk_some(void)
{
	for (u32 i = 0; i < 512; i++)
		if (walk_next())
			return 1;
	return 0;
}

__noinline int walk_next_macvtap(void)
{
	return walk_step(false);
}

__noinline int walk_some_macvtaps(void)
{
	for (u32 i = 0; i < 512; i++)
		if (walk_next_macvtap())
			return 1;
	return 0;
}

/* After the walk, and not in the midst of it: so deep in calls there is no room on the stack. */
__noinline int visit(u32 index)
{
	struct walked_queue *queue = bpf_map_lookup_elem(&walked_queues, &index);
	u32 number = queue ? queue->device : 0;
	struct walked_device *device = bpf_map_lookup_elem(&walked_devices, &number);

	if (!queue || !device || index >= walk.queues)
		return 1;
	if (!(queue->flags & QUEUE_DETACHED))
		visit_shared(device->device, queue->queue, queue->used, walk.flow_watched);
	return 0;
}

__noinline int visit_some(u32 first)
{
	for (u32 i = 0; i < 128; i++)
		if (visit(first + i))
			return 1;
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
	conntrack_at.net = 0;
	at.ops = (u64)BPF_CORE_READ(net, ns.ops);
	at.first_net = at.next_net = (u64)&net->list;
	at.next_dev = at.dev_head = 0;
	for (u32 i = 0; i < 512; i++)
		if (kind == KIND_TUN ? walk_some() : walk_some_macvtaps())
			break;
	if (at.next_net || at.next_dev != at.dev_head)
		walk.derailed++; /* more than 262 144 steps */
	for (u32 first = 0; kind == KIND_TUN && first < WALK_QUEUES; first += 128)
		if (visit_some(first))
			break;
	if (kind == KIND_TUN && !walk.derailed && !walk.left_out && walk.list_heads == 1)
		forget_readers();
	walk.bridge_layout = bridge_layout;
	__builtin_memcpy(result, &walk, sizeof(walk));
	return 0;
}

ON_REQUEST(walk_queues, struct walk_result)
{
	/* Verdicts live from one walk to the next. */
	learn_rows_address();
	forget_foreign();
	forget_locations();
	find_own_text();
	bridge_layout = request->bridge_layout;
	consumer_seen = request->consumer_seen;
	departures_seen = request->departures_seen;
	exit_hooked = request->exit_hooked;
	return walk_namespaces(KIND_TUN, request);
}

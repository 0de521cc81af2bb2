// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// A device's last counters: the walk never sees a device that lived between two walks.
#include <bpf/bpf_tracing.h>
#include "atomics.bpf.h"
#include "device.bpf.h"
#include "readers/waiting.bpf.h"
#include "ring/ring.bpf.h"
#include "walk/per-cpu.bpf.h"

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct kernfs_node___named {
	const char *name;
};

struct cgroup {
	struct kernfs_node___named *kn;
};

struct css_set___default {
	struct cgroup *dfl_cgrp;
};

struct Qdisc___of_queue {
	struct netdev_queue *dev_queue;
};

#pragma clang attribute pop

#define IFF_PERSIST 0x800 /* of tun_struct.flags: the device stays when its last queue is closed */

/* Where the counters of a device are that is being noted. In its entry: RTNL keeps apart what happens to one device,
 * but may one day be each namespace's own (CONFIG_DEBUG_NET_SMALL_RTNL, 6.13), and then two devices end at once. Not on
 * the stack: through a loop the verifier would follow every value of it.
 */
struct ending {
	u64 tun;
	u64 tstats, core_stats, tun_stats; /* per-CPU addresses */
};

struct ended_device {
	u64 ended_ns; /* since boot; written last: until then the rest is not whole */
	u32 netns, ifindex;
	char name[16];
	u32 tun_flags, device_flags, queue_length;
	u32 waiting; /* packets in its rings: they are yet to be read or purged */
	u64 tx_packets, tx_bytes, tx_dropped, rx_packets, rx_bytes, rx_dropped, rx_frame_errors;
	/* The process that closed its last queue, or that waits for packets of its first; pid 0: neither. */
	u64 started; /* ns since boot */
	u32 pid, reserved;
	char comm[16];
	char cgroup[96]; /* the last name of its path */
	struct ending ending;
};

/* By kernfs node id. The agent takes entries out. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 2048);
	__type(key, u64);
	__type(value, struct ended_device);
} ended_devices SEC(".maps");

u64 ended_noted; /* devices, since the programs were loaded */
u64 lost_ended;	 /* ended_devices was full */

/* A value as large as that has no room on the stack. */
static const struct ended_device no_ended_device;

__noinline int add_last_of_cpu(u64 id, u32 cpu)
{
	struct ended_device *out = bpf_map_lookup_elem(&ended_devices, &id);

	if (out)
		ADD_COUNTERS_OF_CPU(out, cpu, out->ending);
	return 0;
}

__noinline int add_waiting(u64 id, u32 queue)
{
	struct ended_device *out = bpf_map_lookup_elem(&ended_devices, &id);
	struct tun_file *file = out ? tun_file_at((struct tun_struct *)out->ending.tun, queue) : NULL;
	struct ring_state ring = {};

	if (!file)
		return 0;
	read_ring(file, &ring);
	out->waiting += ring.used;
	return 0;
}

/* Global, as all loops that may end early: from each way out the verifier would go through the rest of the caller. */
__noinline int add_all_waiting(u64 id, u32 queues)
{
	for (u32 queue = 0; queue < 256 && queue < queues; queue++)
		add_waiting(id, queue);
	return 0;
}

/* A device that does not persist ends with its last queue, in the call that closes it; else another process deletes it.
 */
static __always_inline struct task_struct *last_owner(struct tun_struct *tun, u32 queues)
{
	bool persists = BPF_CORE_READ(tun, flags) & IFF_PERSIST;

	if (!queues && !BPF_CORE_READ(tun, numdisabled))
		return persists ? NULL : (struct task_struct *)bpf_get_current_task();
	struct tun_file *file = queues ? tun_file_at(tun, 0) : NULL;

	return file ? (struct task_struct *)thread_of_waiter(first_reader(file)) : NULL;
}

static __always_inline void note_owner(struct ended_device *out, struct task_struct *task)
{
	struct task_struct *process = BPF_CORE_READ(task, group_leader);

	if (!process)
		return;
	out->pid = BPF_CORE_READ(process, tgid);
	out->started = BPF_CORE_READ(process, start_boottime);
	BPF_CORE_READ_STR_INTO(&out->comm, process, comm);
	if (!bpf_core_field_exists(process->cgroups))
		return;
	struct css_set___default *cgroups = (void *)BPF_CORE_READ(process, cgroups);

	bpf_probe_read_kernel_str(out->cgroup, sizeof(out->cgroup), BPF_CORE_READ(cgroups, dfl_cgrp, kn, name));
}

/* Under RTNL, once the device can send no more packets: while its queues close, or before they are taken from it. */
static __noinline int note_end(struct net_device *dev)
{
	struct tun_struct *tun = tun_of(dev);
	u64 id = device_id((u64)dev);
	struct ended_device *out = bpf_map_lookup_elem(&ended_devices, &id);
	u32 queues = BPF_CORE_READ(tun, numqueues);

	if (!id || out || BPF_CORE_READ(tun, dev) != dev)
		return 0; /* a device with several queues has a queueing discipline for each */
	bpf_map_update_elem(&ended_devices, &id, &no_ended_device, BPF_NOEXIST);
	out = bpf_map_lookup_elem(&ended_devices, &id);
	if (!out) {
		__sync_fetch_and_add(&lost_ended, 1);
		return 0;
	}
	out->ending.tun = (u64)tun;
	out->ending.tstats = (u64)BPF_CORE_READ(dev, tstats);
	FIND_DROPS(out, out->ending, dev, tun);
	out->netns = BPF_CORE_READ(dev, nd_net.net, ns.inum);
	out->ifindex = BPF_CORE_READ(dev, ifindex);
	BPF_CORE_READ_STR_INTO(&out->name, dev, name);
	out->tun_flags = BPF_CORE_READ(tun, flags);
	out->device_flags = BPF_CORE_READ(dev, flags);
	out->queue_length = BPF_CORE_READ(dev, tx_queue_len);
	/* Before the counters: what is read in between is in both, and never in none. */
	add_all_waiting(id, queues);
	for (u32 cpu = 0; cpu < possible_cpus; cpu++)
		add_last_of_cpu(id, cpu);
	note_owner(out, last_owner(tun, queues));
	EXCHANGE(&out->ended_ns, bpf_ktime_get_ns());
	__sync_fetch_and_add(&ended_noted, 1);
	return 0;
}

/* void tun_net_uninit(dev), when the device is in no list of devices any more, and before its queues are taken from it.
 */
SEC("?fentry/tun_net_uninit")
int last_counters_fentry(u64 *ctx)
{
	return note_end((struct net_device *)ctx[0]);
}

/* qdisc_destroy(qdisc): of a device that ends, shortly before. One that was never set up has no queueing discipline. */
SEC("raw_tp/qdisc_destroy")
int last_counters_raw(u64 *ctx)
{
	struct Qdisc___of_queue *qdisc = (void *)ctx[0];
	struct net_device *dev = BPF_CORE_READ(qdisc, dev_queue, dev);

	if (!dev || registration_state(dev) == NETREG_REGISTERED || !is_tun((u64)dev))
		return 0;
	return note_end(dev);
}

// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// macvtap and ipvtap: the walk over their rings, and packets handed to their guests and readers.
#include "insertions.bpf.h"
#include "macvtap.bpf.h"
#include "ring/ring.bpf.h"
#include "vhost/held.bpf.h"
#include "walk/walk-state.bpf.h"

/* Address of tap_handle_frame, the rx_handler of every macvtap and ipvtap. */
const volatile u64 tap_handle_frame_address;
/* Address of tap_release, the release function of a file that is a queue of a macvtap or ipvtap. */
const volatile u64 tap_release_address;

struct macvtap_read_key {
	u64 device_id;
	u32 queue;
	u32 reserved;
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 4096);
	__type(key, struct macvtap_read_key);
	__type(value, u64);
} macvtap_reads SEC(".maps");
struct insertions macvtap_reads_insertions;

u64 lost_macvtap; /* reads: macvtap_reads was full, or the device is being deleted */

static bool is_macvtap(struct net_device *dev, enum device_kind kind)
{
	struct net_device___handled *handled = (struct net_device___handled *)dev;
	char first = 0;

	if (!tap_handle_frame_address || (u64)BPF_CORE_READ(handled, rx_handler) != tap_handle_frame_address)
		return false;
	bpf_probe_read_kernel(&first, sizeof(first), BPF_CORE_READ(dev, rtnl_link_ops, kind));
	return first == (kind == KIND_MACVTAP ? 'm' : 'i');
}

/* A queue of `at.tap`. 1: no more are to be written. */
__noinline int write_macvtap_queue(u32 i)
{
	struct tap_queue *queue = NULL;
	u32 index = walk.queues;
	struct walked_queue *out = bpf_map_lookup_elem(&walked_queues, &index);
	struct ring_state ring = {};
	struct backend backend = {};

	if (!bpf_core_type_exists(struct tap_queue))
		return 1;
	bpf_probe_read_kernel(&queue, sizeof(queue),
			      (void *)at.tap + bpf_core_field_offset(struct tap_dev, taps) +
				      (u64)(i & 255) * sizeof(queue));
	if (!queue)
		return 0;
	if (!out) {
		walk.left_out++;
		return 1;
	}
	walk.queues++;
	/* Reads it as if it were a tun_file whose ring lies there. */
	read_ring((void *)queue + bpf_core_field_offset(struct tap_queue, ring) -
			  bpf_core_field_offset(struct tun_file, tx_ring),
		  &ring);
	read_backend((u64)queue, (u64)queue + bpf_core_field_offset(struct tap_queue, ring), &backend);
	__builtin_memset(out, 0, sizeof(*out));
	out->tun_file = (u64)queue;
	out->file = (u64)BPF_CORE_READ(queue, sock.file);
	out->device = at.device;
	out->queue = BPF_CORE_READ(queue, queue_index);
	out->flags = (ring.busy ? QUEUE_BUSY : 0) | (ring.torn ? QUEUE_TORN : 0) |
		     (backend.connected ? QUEUE_BACKEND : 0) | (backend.zerocopy ? QUEUE_ZEROCOPY : 0);
	out->used = ring.used;
	out->size = ring.size;
	out->consumer_head = ring.consumer_head;
	out->consumer_tail = ring.consumer_tail;
	out->held = backend.packets;
	out->outstanding = backend.outstanding;
	out->worker = backend.worker;
	out->worker_cpu = backend.cpu;
	out->worker_ns = backend.worker_ns;
	__builtin_memcpy(out->worker_comm, backend.comm, sizeof(backend.comm));
	return 0;
}

__noinline int write_macvtap_queues(u32 queues)
{
	for (u32 i = 0; i < 256; i++)
		if (i >= queues || write_macvtap_queue(i))
			break;
	return 0;
}

__noinline int add_macvtap_cpu(u32 cpu)
{
	u32 index = at.device;
	struct walked_device *out = bpf_map_lookup_elem(&walked_devices, &index);

	if (!out)
		return 1;
	u64 base = at.tstats + offset_of_cpu(cpu);

	if (out->kind == KIND_MACVTAP && bpf_core_type_exists(struct macvlan_dev)) {
		ADD_STATS(out->rx_packets, base, vlan_pcpu_stats, rx_packets);
		ADD_STATS(out->tx_packets, base, vlan_pcpu_stats, tx_packets);
		out->tx_dropped += BPF_CORE_READ((struct vlan_pcpu_stats *)base, tx_dropped);
	} else if (out->kind == KIND_IPVTAP && bpf_core_type_exists(struct ipvl_dev)) {
		ADD_STATS(out->rx_packets, base, ipvl_pcpu_stats, rx_pkts);
		ADD_STATS(out->tx_packets, base, ipvl_pcpu_stats, tx_pkts);
		out->tx_dropped += BPF_CORE_READ((struct ipvl_pcpu_stats *)base, tx_drps);
	}
	return 0;
}

static __always_inline u64 macvtap_stats(struct net_device *dev, enum device_kind kind)
{
	void *private = tun_of(dev); /* netdev_priv() */

	if (kind == KIND_MACVTAP && bpf_core_type_exists(struct macvlan_dev))
		return (u64)BPF_CORE_READ((struct macvlan_dev *)private, pcpu_stats);
	if (kind == KIND_IPVTAP && bpf_core_type_exists(struct ipvl_dev))
		return (u64)BPF_CORE_READ((struct ipvl_dev *)private, pcpu_stats);
	return 0;
}

__noinline int walk_macvtap(void)
{
	struct net_device *dev = at.dev;
	struct tap_dev *tap = BPF_CORE_READ((struct net_device___handled *)dev, rx_handler_data);
	u32 index = walk.tuns;
	struct walked_device *out = bpf_map_lookup_elem(&walked_devices, &index);

	if (!bpf_core_type_exists(struct tap_dev))
		return 0;
	if (BPF_CORE_READ(tap, dev) != dev)
		return 0; /* it is being made or torn down */
	if (!out) {
		walk.left_out++;
		return 0;
	}
	at.device = index;
	write_device(out, at.net, dev, NULL);
	out->kind = at.kind;
	at.tap = (u64)tap;
	write_macvtap_queues(BPF_CORE_READ(tap, numvtaps));
	out->queues_written = walk.queues - out->first_queue;
	at.tstats = macvtap_stats(dev, out->kind);
	for (u32 cpu = 0; at.tstats && cpu < possible_cpus; cpu++)
		add_macvtap_cpu(cpu);
	walk.tuns++;
	return 0;
}

/* A program for each, loaded when its module is there: only then are the types of its counters known. */
ON_REQUEST_LATER(walk_macvtaps, struct walk_result)
{
	tap_release_seen = tap_release_address;
	return walk_namespaces(KIND_MACVTAP, request);
}

ON_REQUEST_LATER(walk_ipvtaps, struct walk_result)
{
	tap_release_seen = tap_release_address;
	return walk_namespaces(KIND_IPVTAP, request);
}

/* ssize_t tap_do_read(queue, to, noblock, skb): for read() and for guests; positive: a packet was handed over. */
SEC("?fexit/tap_do_read")
int macvtap_read_fexit(volatile u64 *ctx)
{
	struct tap_queue *queue = (void *)ctx[0];

	if ((s64)ctx[4] <= 0 || !bpf_core_type_exists(struct tap_queue))
		return 0;
	struct net_device *dev = BPF_CORE_READ(queue, tap, dev);
	struct macvtap_read_key key = {.device_id = device_id((u64)dev), .queue = BPF_CORE_READ(queue, queue_index)};
	u64 *packets = bpf_map_lookup_elem(&macvtap_reads, &key), none = 0;

	if (!packets && key.device_id) {
		INSERT(macvtap_reads, &key, &none);
		packets = bpf_map_lookup_elem(&macvtap_reads, &key);
	}
	__sync_fetch_and_add(packets ?: &lost_macvtap, 1);
	return 0;
}

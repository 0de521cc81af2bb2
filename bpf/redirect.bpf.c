// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Frames that XDP redirects into a ring, past the transmit function: those that it took, those it had no room for, and
// those that were thrown out of it. A frame is no skb: nothing of it shows at skb:kfree_skb.
#include "drops/other-drops.bpf.h"
#include "insertions.bpf.h"
#include "ring/ring.bpf.h"

struct netdev_notifier_info {
	struct net_device *dev;
} __attribute__((preserve_access_index));

enum netdev_cmd { NETDEV_CHANGE_TX_QUEUE_LEN };

#define IS_FRAME 1 /* bit of a ring's entry, TUN_XDP_FLAG */

struct redirect_key {
	u64 device_id;
	u32 queue;
	u32 reserved;
};

struct redirects {
	u64 enqueued;
	u64 lost;
	u64 short_calls; /* which lost some: the kernel's tx_dropped grows by one for each */
	u64 purged;
	u64 resized;
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 4096);
	__type(key, struct redirect_key);
	__type(value, struct redirects);
} redirects SEC(".maps");
struct insertions redirects_insertions;

u64 lost_redirect;    /* frames: redirects was full, or the device is being deleted */
u32 frames_have_come; /* so that rings are searched for frames only where there may be any */

static __noinline struct redirects *redirects_of(u64 device, u32 queue)
{
	struct redirect_key key = {.device_id = device_id(device), .queue = queue};
	struct redirects *found = bpf_map_lookup_elem(&redirects, &key);

	if (!found && key.device_id) {
		static const struct redirects none;

		INSERT(redirects, &key, &none);
		found = bpf_map_lookup_elem(&redirects, &key);
	}
	return found;
}

/* tun_xdp_xmit takes the queue by the CPU that it runs on; bottom halves are off. */
static __noinline int count_redirected(u64 device, u32 sent, u32 lost)
{
	u32 queues = BPF_CORE_READ(tun_of((struct net_device *)device), numqueues);
	struct redirects *counts = redirects_of(device, queues ? cpu_id() % queues : 0);

	frames_have_come = 1;
	if (!counts) {
		__sync_fetch_and_add(&lost_redirect, sent + lost);
		return 0;
	}
	__sync_fetch_and_add(&counts->enqueued, sent);
	__sync_fetch_and_add(&counts->lost, lost);
	/* Without a queue the call fails before it counts anything. */
	if (lost && queues)
		__sync_fetch_and_add(&counts->short_calls, 1);
	return 0;
}

/* int tun_xdp_xmit(dev, n, frames, flags): how many of them the ring took, or an error and none. */
SEC("?fexit/tun_xdp_xmit")
int redirected_fexit(volatile u64 *ctx)
{
	s32 offered = ctx[1], result = ctx[4], sent = result < 0 ? 0 : result;

	return count_redirected(ctx[0], sent, offered - sent);
}

/* xdp_devmap_xmit(from, to, sent, drops, err): of any device that frames are redirected to. */
SEC("raw_tp/xdp_devmap_xmit")
int redirected_raw(volatile u64 *ctx)
{
	u64 device = ctx[1];

	return is_tun(device) ? count_redirected(device, ctx[2], ctx[3]) : 0;
}

struct search {
	void **entries;
	u32 first, size, frames;
};

static long look_at_entry(u32 i, struct search *at)
{
	u64 entry = 0;
	u32 index = at->first + i;

	bpf_probe_read_kernel(&entry, sizeof(entry), at->entries + (index >= at->size ? index - at->size : index));
	at->frames += entry & IS_FRAME;
	return 0;
}

/* Frames among those that wait, but for the first `kept` of them. */
static __noinline u32 count_frames(struct tun_file *file, u32 kept)
{
	struct ring_state ring = {};

	read_ring(file, &ring);
	if (ring.torn || ring.used <= kept)
		return 0;
	struct search at = {
		.entries = BPF_CORE_READ(file, tx_ring.queue), .first = ring.consumer_head + kept, .size = ring.size};

	bpf_loop(ring.used - kept, look_at_entry, &at, 0);
	return at.frames;
}

/* tun_queue_purge(tfile): on close it has lost its tun, but not yet its XDP queue. */
SEC("?fentry/tun_queue_purge")
int purged_frames_fentry(volatile u64 *ctx)
{
	struct tun_file *file = (void *)ctx[0];
	u32 frames = frames_have_come ? count_frames(file, 0) : 0;
	struct net_device *dev = frames ? file->xdp_rxq.dev : NULL;
	struct redirects *counts = dev ? redirects_of((u64)dev, file->queue_index) : NULL;

	if (frames)
		__sync_fetch_and_add(counts ? &counts->purged : &lost_redirect, frames);
	return 0;
}

static long count_resized(u32 queue, struct net_device **dev)
{
	struct tun_file *file = tun_file_at(tun_of(*dev), queue);
	u32 frames = file ? count_frames(file, BPF_CORE_READ(*dev, tx_queue_len)) : 0;
	struct redirects *counts = frames ? redirects_of((u64)*dev, queue) : NULL;

	if (frames)
		__sync_fetch_and_add(counts ? &counts->resized : &lost_redirect, frames);
	return 0;
}

/* int tun_device_event(notifier, event, info): rings are about to get the device's new txqueuelen. */
SEC("?fentry/tun_device_event")
int resized_frames_fentry(volatile u64 *ctx)
{
	struct netdev_notifier_info *info = (void *)ctx[2];

	if (!frames_have_come || ctx[1] != bpf_core_enum_value(enum netdev_cmd, NETDEV_CHANGE_TX_QUEUE_LEN))
		return 0;
	struct net_device *dev = BPF_CORE_READ(info, dev);

	if (is_tun((u64)dev))
		bpf_loop(BPF_CORE_READ(tun_of(dev), numqueues) & 511, count_resized, &dev, 0);
	return 0;
}

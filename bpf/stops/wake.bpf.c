// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Wakes of stopped queues and why they came, and the ends of stops that no wake ends. Attached while a device asks for
// flow control: what wakes tun's queues wakes those of network cards too.
#include <bpf/bpf_tracing.h>
#include "atomics.bpf.h"
#include "device.bpf.h"
#include "stops/flow.bpf.h"
#include "rows/row.bpf.h"

u8 in_net_tx[MAX_CPUS];

/* Between the entry and the exit of the function that wakes: what it was found to be about. */
struct waking {
	u64 txq;
	u32 number;
	enum wake_cause cause;
};

struct waking waking[MAX_CPUS];

/* The operation of the holder of RTNL: one at a time. */
struct control {
	u64 task;
	enum wake_cause cause;
	u64 left; /* the device that a queue leaves, where its queues may be stopped */
};

struct control control;

static __always_inline struct waking *waking_here(void)
{
	return KEPT(&waking[cpu_id() & (MAX_CPUS - 1)]);
}

static __noinline u32 shared_row_of(struct net_device *dev, u32 queue)
{
	u64 id = device_id((u64)dev);

	return id ? queue_number((u64)dev, id, queue) : 0;
}

static __noinline enum wake_cause cause_of(struct tun_file *file, u32 number)
{
	struct cpu_state *state = state_of(cpu_id());
	struct ptr_ring *ring = &file->tx_ring;

	if (state->skb && row_at(state->sent_row)->queue == number)
		return WAKE_RECHECK;
	if (control.task == bpf_get_current_task())
		return control.cause;
	if ((u32)BPF_CORE_READ(file, cons_cnt) >= (u32)BPF_CORE_READ(ring, size) / 2)
		return WAKE_HALF;
	return has_entry(BPF_CORE_READ(ring, queue), BPF_CORE_READ(ring, consumer_head)) ? WAKE_RECHECK : WAKE_EMPTY;
}

/* netif_tx_wake_queue(txq) */
SEC("?fentry/netif_tx_wake_queue")
int BPF_PROG(woken_fentry, struct netdev_queue *txq)
{
	struct net_device *dev = txq->dev;

	if (is_known_foreign(ops_of(dev)) || !(txq->state & NETDEV_TX_XOFF) || !is_tun((u64)dev))
		return 0;
	u32 index = ((u64)txq - (u64)dev->_tx) / bpf_core_type_size(struct netdev_queue);
	struct tun_file *file = tun_file_at(tun_of(dev), index);
	u32 number = shared_row_of(dev, index);
	struct waking *here = waking_here();

	if (!number || !(queue_at(number)->watch & WATCH_FLOW))
		return 0;
	/* A queue joins at an index that had a stopped one: the bit is of its time, and the stop has ended. */
	if (!file && !queue_at(number)->stopped_since)
		return 0;
	here->number = number;
	here->cause = file ? cause_of(file, number) : WAKE_FORCED;
	here->txq = (u64)txq;
	/* Before the wake: an interrupt in the middle of it may run NET_TX, which sends what waits. */
	queue_at(number)->woken_at = bpf_ktime_get_ns();
	return 0;
}

/* Runs at the exit, not the entry: a stop counted after this look sees that the queue's bit is clear. */
SEC("?fexit/netif_tx_wake_queue")
int BPF_PROG(woken_fexit, struct netdev_queue *txq)
{
	struct waking *here = waking_here();
	u32 number = here->number;
	struct queue *queue = queue_at(number);

	if (here->txq != (u64)txq || !number)
		return 0;
	here->txq = 0;
	if (!end_stop(number, queue, bpf_ktime_get_ns()))
		__sync_fetch_and_add(&queue->stops_inferred, 1);
	if (here->cause < WAKE_CAUSES)
		__sync_fetch_and_add(&queue->wakes[here->cause], 1);
	if (queue->sender && queue->sender != cpu_id() + 1)
		__sync_fetch_and_add(&queue->wakes_elsewhere, 1);
	return 0;
}

static __always_inline int set_control(enum wake_cause cause)
{
	control.cause = cause;
	control.task = bpf_get_current_task();
	return 0;
}

/* tun_force_wake_queue(tun, tfile): at the end of TUNSETIFF, TUNSETQUEUE and a resize, for each queue. */
SEC("?fentry/tun_force_wake_queue")
int BPF_PROG(forced_fentry, struct tun_struct *tun, struct tun_file *file)
{
	u32 number = shared_row_of(tun->dev, file->queue_index);

	if (number && !(tun->flags & IFF_BACKPRESSURE))
		lose_flow(queue_at(number));
	return set_control(WAKE_FORCED);
}

SEC("?fexit/tun_force_wake_queue")
int forced_fexit(void *ctx)
{
	control.task = 0;
	return 0;
}

static long end_unwoken(u32 index, struct net_device **dev)
{
	u32 number = shared_row_of(*dev, index);
	struct queue *queue = queue_at(number);

	if (number && queue->stopped_since && end_stop(number, queue, bpf_ktime_get_ns()))
		__sync_fetch_and_add(&queue->stops_ended, 1);
	return 0;
}

/* __tun_detach(tfile, clean): the last queue takes the index of the one that leaves. */
SEC("?fentry/__tun_detach")
int BPF_PROG(detached_fentry, struct tun_file *file)
{
	struct tun_struct *tun = file->tun;

	control.left = tun && !file->detached && tun->flags & IFF_BACKPRESSURE ? (u64)tun->dev : 0;
	return set_control(WAKE_DETACH);
}

/* The last index has no queue now: the kernel has waited for its senders. Its bit stays until a queue joins. */
SEC("?fexit/__tun_detach")
int detached_fexit(void *ctx)
{
	struct net_device *dev = (struct net_device *)control.left;

	control.task = 0;
	if (dev)
		end_unwoken(BPF_CORE_READ(tun_of(dev), numqueues), &dev);
	return 0;
}

/* tun_net_close(dev): it is set down. All its queues are stopped then, and started when it is set up again, by other
 * means. */
SEC("?fentry/tun_net_close")
int BPF_PROG(closed_fentry, struct net_device *dev)
{
	u32 queues = BPF_CORE_READ(tun_of(dev), numqueues);

	if (BPF_CORE_READ(tun_of(dev), flags) & IFF_BACKPRESSURE)
		bpf_loop(queues & 511, end_unwoken, &dev, 0);
	return 0;
}

#define NET_TX_SOFTIRQ 2

/* softirq_entry(vec), softirq_exit(vec) */
SEC("?tp_btf/softirq_entry")
int softirq_begun(u64 *ctx)
{
	if ((u32)ctx[0] == NET_TX_SOFTIRQ)
		in_net_tx[cpu_id() & (MAX_CPUS - 1)] = 1;
	return 0;
}

SEC("?tp_btf/softirq_exit")
int softirq_ended(u64 *ctx)
{
	if ((u32)ctx[0] == NET_TX_SOFTIRQ)
		in_net_tx[cpu_id() & (MAX_CPUS - 1)] = 0;
	return 0;
}

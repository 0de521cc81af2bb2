// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// The pattern of ebpf_exporter and of most programs of that kind: a tracepoint or kprobe, a hash map, an atomic add.
#include <asm/ptrace.h>
#include "../../bpf/tun-types.bpf.h"
#include <bpf/bpf_tracing.h>

struct key {
	u32 ifindex;
	u32 detail; /* drop reason or queue */
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 10240);
	__type(key, struct key);
	__type(value, u64);
} drops SEC(".maps"), packets SEC(".maps"), reads SEC(".maps");

/* CO-RE holds a number and an enum for different things. */
enum skb_drop_reason { REASON_OF_NO_KERNEL };

struct trace_event_raw_kfree_skb {
	void *skbaddr;
	enum skb_drop_reason reason;
} __attribute__((preserve_access_index));

static __always_inline void increment(void *map, u32 ifindex, u32 detail)
{
	struct key key = {.ifindex = ifindex, .detail = detail};
	u64 *count = bpf_map_lookup_elem(map, &key), none = 0;

	if (!count) {
		bpf_map_update_elem(map, &key, &none, BPF_NOEXIST);
		count = bpf_map_lookup_elem(map, &key);
	}
	if (count)
		__sync_fetch_and_add(count, 1);
}

SEC("?tp_btf/kfree_skb")
int BPF_PROG(drops_typed, struct sk_buff *skb, void *location, u32 reason)
{
	increment(&drops, skb->dev->ifindex, reason);
	return 0;
}

SEC("?tracepoint/skb/kfree_skb")
int drops_tracepoint(struct trace_event_raw_kfree_skb *event)
{
	increment(&drops, BPF_CORE_READ((struct sk_buff *)event->skbaddr, dev, ifindex), event->reason);
	return 0;
}

SEC("?kprobe/tun_net_xmit")
int BPF_KPROBE(packets_kprobe, struct sk_buff *skb, struct net_device *dev)
{
	increment(&packets, BPF_CORE_READ(dev, ifindex), BPF_CORE_READ(skb, queue_mapping));
	return 0;
}

SEC("?kprobe/tun_do_read")
int BPF_KPROBE(reads_kprobe, struct tun_struct *tun, struct tun_file *file)
{
	increment(&reads, BPF_CORE_READ(tun, dev, ifindex), BPF_CORE_READ(file, queue_index));
	return 0;
}

char _license[] SEC("license") = "Dual BSD/GPL";

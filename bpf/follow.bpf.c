// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Packets lost on their way to a tun or tap, as `tapscope drops` follows them: counted by queue, reason and function,
// and single ones told by a ring buffer. An object of its own, loaded while `tapscope drops` follows, and by it alone.
#include "device.bpf.h"
#include "drops/location.bpf.h"
#include "drops/unwanted.bpf.h"
#include "on-request.bpf.h"

#define HEADER_BYTES 96
#define STACK_FRAMES 48
#define NO_QUEUE     0xFFFFFFFF /* lost before a queue was chosen for good */

/* The wanted losses; the command sets these before it loads the programs. */
const volatile u8 chosen_only;	  /* devices that are in `chosen` */
const volatile u8 packets_wanted; /* single ones, not only counts */
const volatile u8 stacks_wanted;
const volatile u32 reason_wanted; /* of single packets; 0: any */

struct loss_key {
	u64 device_id; /* 0: it is being deleted */
	u64 location;
	u32 reason;
	u32 queue;
};

struct loss {
	u64 packets;
	u64 recorded; /* of them */
	u64 no_room;  /* had a token, and the ring buffer was full */
	u32 netns;
	u32 ifindex;
	enum location_class class;
	u32 reserved;
	char name[16];
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 4096);
	__type(key, struct loss_key);
	__type(value, struct loss);
} losses SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 4096);
	__type(key, u64); /* kernfs node id */
	__type(value, u8);
} chosen SEC(".maps");

/* The command makes it as large as its rate asks for. */
struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 65536);
} records SEC(".maps");

enum record_kind {
	RECORD_PACKET,
	RECORD_STACK,
};

struct lost_packet {
	enum record_kind kind;
	u32 length;
	struct loss_key key;
	u64 at; /* ns, CLOCK_MONOTONIC */
	u16 protocol;
	u16 header_length;
	u32 reserved;
	u8 header[HEADER_BYTES]; /* from the network header on */
};

struct lost_stack {
	enum record_kind kind;
	u32 bytes;
	struct loss_key key;
	u64 frames[STACK_FRAMES];
};

struct tick {
	u32 tokens; /* that came since the last */
	u32 most;   /* that the bucket holds */
	u32 forget; /* modules came or went */
};

/* Never set: so that BTF has what they would point to. */
struct lost_packet *packet_type;
struct lost_stack *stack_type;
struct tick *tick_type;

/*
 * The reader of the records fills the bucket: a reader that stalls gets no more of them, and a packet without a token
 * costs one load and no sample of the clock.
 */
s64 tokens;
u64 lost_keys;	    /* losses was full */
u64 lost_no_device; /* lost in tun, and the packet names no device */

static __always_inline bool take_token(void)
{
	return tokens > 0 && __sync_fetch_and_add(&tokens, -1) > 0;
}

/* Where the network header is, if it is where the kernel can read it at once: not in a page of its own. */
static __always_inline void copy_header(struct lost_packet *record, struct sk_buff *skb)
{
	u32 begin = BPF_CORE_READ(skb, network_header), end = BPF_CORE_READ(skb, tail);
	u32 length = end - begin;

	record->header_length = 0;
	if (!begin || begin >= end)
		return;
	if (length > HEADER_BYTES)
		length = HEADER_BYTES;
	if (!bpf_probe_read_kernel(record->header, length, BPF_CORE_READ(skb, head) + begin))
		record->header_length = length;
}

static __noinline int record_packet(struct sk_buff *skb, struct loss_key *key, struct loss *loss)
{
	struct lost_packet *record;

	if (!key || !loss)
		return 0;
	record = bpf_ringbuf_reserve(&records, sizeof(*record), 0);
	if (!record) {
		__sync_fetch_and_add(&loss->no_room, 1);
		return 0;
	}
	record->kind = RECORD_PACKET;
	record->length = BPF_CORE_READ(skb, len);
	record->key = *key;
	record->at = bpf_ktime_get_ns();
	record->protocol = BPF_CORE_READ(skb, protocol);
	record->reserved = 0;
	copy_header(record, skb);
	bpf_ringbuf_submit(record, BPF_RB_NO_WAKEUP);
	__sync_fetch_and_add(&loss->recorded, 1);
	return 0;
}

/* Once for each key: there are no more of them than the map has room for. */
static __always_inline void record_stack(void *ctx, struct loss_key *key)
{
	struct lost_stack *record = bpf_ringbuf_reserve(&records, sizeof(*record), 0);

	if (!record)
		return;
	s64 bytes = bpf_get_stack(ctx, record->frames, sizeof(record->frames), 0);

	record->kind = RECORD_STACK;
	record->bytes = bytes > 0 ? bytes : 0;
	record->key = *key;
	bpf_ringbuf_submit(record, BPF_RB_NO_WAKEUP);
}

static __noinline struct loss *new_loss(void *ctx, struct loss_key *key, struct net_device *dev, u32 class)
{
	struct loss fresh = {.class = class};

	fresh.netns = BPF_CORE_READ(dev, nd_net.net, ns.inum);
	fresh.ifindex = BPF_CORE_READ(dev, ifindex);
	bpf_probe_read_kernel_str(fresh.name, sizeof(fresh.name), dev->name);
	if (!bpf_map_update_elem(&losses, key, &fresh, BPF_NOEXIST) && stacks_wanted)
		record_stack(ctx, key);
	return bpf_map_lookup_elem(&losses, key);
}

/* The tun or tap that the packet was lost on its way to; NULL: it is none's loss. */
static __noinline struct net_device *lost_towards(struct sk_buff *skb, u32 class, u32 reason)
{
	struct net_device *dev = BPF_CORE_READ(skb, dev);

	/* skb->dev shares its place with socket data: follow kernel addresses only, and by reads that may fail. */
	if ((s64)dev >= 0 && class < CLASS_RECEIVE) {
		__sync_fetch_and_add(&lost_no_device, 1);
		return NULL;
	}
	bool is_tuns = (s64)dev < 0 && is_tun((u64)dev);

	if (class < CLASS_RECEIVE)
		return is_tuns ? dev : NULL;
	if (class == CLASS_RECEIVED || !is_drop(class, reason, is_tuns) || is_received_copy(skb) ||
	    is_unwanted(skb, class, reason))
		return NULL;
	if (is_tuns && !came_in_by(skb, dev))
		return is_registered(dev) ? dev : NULL;
	struct net_device *to = routed_to(skb);

	return to == dev ? NULL : to;
}

static __noinline int follow(u64 *ctx, u64 location, u32 reason)
{
	struct sk_buff *skb = (struct sk_buff *)ctx[0];
	struct loss_key key = {.location = location, .reason = reason, .queue = NO_QUEUE};
	u32 class = class_of(key.location);

	if (class == CLASS_WRITTEN || class == CLASS_MACVTAP)
		return 0;
	struct net_device *dev = lost_towards(skb, class, key.reason);

	if (!dev)
		return 0;
	if (class < CLASS_RECEIVE)
		key.queue = BPF_CORE_READ(skb, queue_mapping);
	key.device_id = device_id((u64)dev);
	if (chosen_only && !bpf_map_lookup_elem(&chosen, &key.device_id))
		return 0;
	struct loss *loss = bpf_map_lookup_elem(&losses, &key);

	if (!loss)
		loss = new_loss(ctx, &key, dev, class);
	if (!loss) {
		__sync_fetch_and_add(&lost_keys, 1);
		return 0;
	}
	__sync_fetch_and_add(&loss->packets, 1);
	if (!packets_wanted || (reason_wanted && reason_wanted != key.reason) || !take_token())
		return 0;
	return record_packet(skb, &key, loss);
}

/* kfree_skb(skb, location, reason[, rx_sk]) */
SEC("?tp_btf/kfree_skb")
int follow_typed(u64 *ctx)
{
	struct sk_buff *skb = (struct sk_buff *)ctx[0];

	return is_known_foreign(ops_of(skb->dev)) && !skb->_skb_refdst ? 0 : follow(ctx, ctx[1], ctx[2]);
}

SEC("?raw_tp/kfree_skb")
int follow_raw(u64 *ctx)
{
	if (typed_reads) {
		struct sk_buff *skb = TYPED(sk_buff, ctx[0]);

		if (is_known_foreign(ops_of(skb->dev)) && !skb->_skb_refdst)
			return 0;
	}
	return follow(ctx, ctx[1], ctx[2]);
}

/* kfree_skb(skb, location): reasons came with Linux 5.17. */
SEC("?raw_tp/kfree_skb")
int follow_located(u64 *ctx)
{
	u64 device = (u64)BPF_CORE_READ((struct sk_buff *)ctx[0], dev);
	bool of_list = is_list(ctx[1]) && (s64)device < 0 && is_tun(device);

	return follow(ctx, of_list ? caller_of(ctx, ctx[1]) : ctx[1], 0);
}

ON_REQUEST(tick, struct tick)
{
	s64 have = tokens > 0 ? tokens : 0, room = (s64)request->most - have;

	tokens = have + (room < request->tokens ? room : request->tokens);
	if (!request->forget)
		return 0;
	forget_foreign();
	forget_locations();
	return 0;
}

char _license[] SEC("license") = "Dual BSD/GPL";

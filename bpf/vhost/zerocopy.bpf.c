// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Zero-copy transmit of vhost-net (experimental_zcopytx): what was tried, why a packet was copied at once instead, and
// how it ended.
#include <bpf/bpf_tracing.h>
#include "insertions.bpf.h"
#include "macvtap.bpf.h"
#include "vhost/held.bpf.h"
#include "rows/queue-events.bpf.h"
#include "vhost/vhost-row.bpf.h"
#include "vhost/vhost-types.bpf.h"

/* Macros of drivers/vhost/net.c, which no type information has. */
enum {
	VHOST_GOODCOPY_LEN = 256,
	VHOST_MAX_PEND = 128,
	UIO_MAXIOV = 1024,
	PACKETS_PER_ERROR = 64,
	NOT_SENT = -1,
};

/* A macvtap's queue has no row. */
struct macvtap_zerocopy_key {
	u64 device_id;
	u32 queue;
	enum queue_event event;
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 4096);
	__type(key, struct macvtap_zerocopy_key);
	__type(value, u64);
} macvtap_zerocopy SEC(".maps");
struct insertions macvtap_zerocopy_insertions;

/* What is no macvtap's leads to no device. */
static __noinline int count_zerocopy_of_macvtap(u64 file, u32 event)
{
	struct tap_queue *queue = (struct tap_queue *)file;
	struct macvtap_zerocopy_key key = {.event = event};
	struct net_device *dev;
	u64 *packets, none = 0;

	if (!bpf_core_type_exists(struct tap_queue))
		return 0;
	dev = BPF_CORE_READ(queue, tap, dev);
	key.device_id = dev ? device_id((u64)dev) : 0;
	key.queue = BPF_CORE_READ(queue, queue_index);
	if (!key.device_id)
		return 0; /* it is being deleted */
	packets = bpf_map_lookup_elem(&macvtap_zerocopy, &key);
	if (!packets) {
		INSERT(macvtap_zerocopy, &key, &none);
		packets = bpf_map_lookup_elem(&macvtap_zerocopy, &key);
	}
	__sync_fetch_and_add(packets ?: &lost_event, 1);
	return 0;
}

static __always_inline struct vhost_net *net_of(const struct vhost_place *place)
{
	u64 received = place->ring_at - bpf_core_field_offset(struct vhost_net_virtqueue, rx_ring);

	return (struct vhost_net *)(received - bpf_core_field_offset(struct vhost_net, vqs));
}

static __always_inline struct vhost_net_virtqueue *sending_queue(struct vhost_net *net)
{
	return (void *)net + bpf_core_field_offset(net->vqs) + bpf_core_type_size(struct vhost_net_virtqueue);
}

static __always_inline bool too_many_pending(struct vhost_net_virtqueue *nvq)
{
	u32 pending = BPF_CORE_READ(nvq, upend_idx) - BPF_CORE_READ(nvq, done_idx);
	u32 quarter = BPF_CORE_READ(nvq, vq.num) / 4;

	return (pending & (UIO_MAXIOV - 1)) > (quarter < VHOST_MAX_PEND ? quarter : VHOST_MAX_PEND);
}

/* Decides as handle_tx_zerocopy did a moment ago. */
static __always_inline u32 why_copied(struct vhost_net *net, struct vhost_net_virtqueue *nvq, u64 bytes)
{
	if (bytes < VHOST_GOODCOPY_LEN)
		return EVENT_COPIED_SMALL;
	if (too_many_pending(nvq))
		return EVENT_COPIED_PENDING;
	if (BPF_CORE_READ(net, tx_flush))
		return EVENT_COPIED_FLUSH;
	if (BPF_CORE_READ(net, tx_packets) / PACKETS_PER_ERROR < BPF_CORE_READ(net, tx_zcopy_err))
		return EVENT_COPIED_THROTTLED;
	return EVENT_COPIED_OTHER;
}

/* How vhost-net's worker sends a packet by this file; NOT_SENT: others may write to it too, or it always copies. */
static __always_inline int event_of_send(u64 file, bool uncopied, struct iov_iter *from)
{
	struct vhost_place *place = bpf_map_lookup_elem(&vhost_places, &file);

	if (!place)
		return NOT_SENT;
	struct vhost_net *net = net_of(place);
	struct vhost_net_virtqueue *nvq = sending_queue(net);

	/* Of a macvtap on a device without scatter-gather vhost-net copies all, and has no ubufs. */
	if (bpf_get_current_task() != (u64)worker_of(&nvq->vq) || !BPF_CORE_READ(nvq, ubufs))
		return NOT_SENT;
	return uncopied ? EVENT_ZEROCOPY_TRIED : why_copied(net, nvq, BPF_CORE_READ(from, count));
}

/* tun_get_user(tun, tfile, msg_control, from, …): vhost-net's worker sends a packet; msg_control: without copying it.
 */
SEC("?fentry/tun_get_user")
int zerocopy_tried_fentry(u64 *ctx)
{
	u64 file = ctx[1];
	int event = event_of_send(file, ctx[2], (struct iov_iter *)ctx[3]);
	u32 number = event == NOT_SENT ? 0 : row_of_file(file);

	if (number)
		count_event(number, event, 1);
	return 0;
}

/* tap_get_user(queue, msg_control, from, noblock): the same of a macvtap or ipvtap. */
SEC("?fentry/tap_get_user")
int macvtap_tried_fentry(u64 *ctx)
{
	u64 file = ctx[0];
	int event = event_of_send(file, ctx[1], (struct iov_iter *)ctx[2]);

	if (event != NOT_SENT)
		count_zerocopy_of_macvtap(file, event);
	return 0;
}

/* The last who had the packet lets go of it. A clone that goes before the others comes here too. */
static __always_inline int count_completed(struct ubuf_info *buffer, bool copied)
{
	struct ubuf_info_msgzc *message = (void *)buffer - bpf_core_field_offset(struct ubuf_info_msgzc, ubuf);
	struct vhost_net_ubuf_ref *ubufs = BPF_CORE_READ(message, ctx);
	u64 socket = (u64)BPF_CORE_READ(ubufs, vq, private_data);
	u64 file = socket ? file_of_socket(socket) : 0;
	u32 number = file ? row_of_file(file) : 0;
	u32 event = copied ? EVENT_ZEROCOPY_COPIED : EVENT_ZEROCOPY_DONE;

	if (BPF_CORE_READ(buffer, refcnt.refs.counter) != 1)
		return 0;
	if (number)
		count_event(number, event, 1);
	else if (file)
		count_zerocopy_of_macvtap(file, event);
	return 0;
}

/* vhost_zerocopy_complete(skb, ubuf, success); vhost_zerocopy_callback before 6.10. success: it was never copied. */
SEC("?fentry/vhost_zerocopy_complete")
int BPF_PROG(zerocopy_done_fentry, struct sk_buff *skb, struct ubuf_info *buffer, bool success)
{
	return count_completed((struct ubuf_info *)address_of(buffer), !success);
}

SEC("?fentry/vhost_zerocopy_callback")
int BPF_PROG(zerocopy_called_fentry, struct sk_buff *skb, struct ubuf_info *buffer, bool success)
{
	return count_completed((struct ubuf_info *)address_of(buffer), !success);
}

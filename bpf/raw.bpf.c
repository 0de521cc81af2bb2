// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Offered, enqueued and dropped packets by the pair of core tracepoints around ndo_start_xmit, where tun's functions
// cannot be traced.
#include "device.bpf.h"
#include "transmit.bpf.h"

/*
 * Every packet of the host comes here, and most are foreign. Whatever needs registers that a caller must save is in
 * functions of its own, so that a foreign packet does not pay for saving them.
 */
static __noinline int begin_raw(u64 skb, u64 device, u64 ops)
{
	if (!is_known_or_judged_tun(device, ops))
		return 0;
	if (typed_reads)
		begin_transmit(skb, device, device, device_id(device), TYPED(sk_buff, skb)->queue_mapping,
			       TYPED(sk_buff, skb)->len);
	else
		begin_transmit(skb, device, device, device_id(device),
			       BPF_CORE_READ((struct sk_buff *)skb, queue_mapping),
			       BPF_CORE_READ((struct sk_buff *)skb, len));
	return 0;
}

/* net_dev_start_xmit(skb, dev): bottom halves are off from here to net_dev_xmit. */
SEC("raw_tp/net_dev_start_xmit")
int offered_raw(u64 *ctx)
{
	volatile u64 *arguments = ctx; /* loading twice is cheaper than saving a register in between */
	u64 ops = ops_number(arguments[1]);

	if (is_known_foreign(ops))
		return 0;
	return begin_raw(arguments[0], arguments[1], ops);
}

static __noinline int end_raw(u32 cpu, u64 result, u64 device)
{
	end_transmit(&in_flight[cpu & (MAX_CPUS - 1)], (int)result != 0, device);
	return 0;
}

/* net_dev_xmit(skb, rc, dev, len): the skb may be free by now, so its address is compared and never followed. */
SEC("raw_tp/net_dev_xmit")
int sent_raw(u64 *ctx)
{
	u32 cpu = cpu_id();

	if (in_flight[cpu].skb != ctx[0])
		return 0;
	return end_raw(cpu, ctx[1], ctx[2]);
}

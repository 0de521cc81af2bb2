// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Hooks without a body, where the product has its own: what BPF itself costs, below which no program can go.
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

SEC("?fentry/tun_net_xmit")
int transmit_fentry(void *ctx)
{
	return 0;
}

SEC("?fexit/tun_net_xmit")
int transmit_fexit(void *ctx)
{
	return 0;
}

/* The attach type is set before it is loaded: libbpf 1.1 does not know the section's own name. */
SEC("?fentry/tun_net_xmit")
int transmit_fsession(void *ctx)
{
	return 0;
}

SEC("?fentry/__tun_wake_queue")
int consumed_fentry(void *ctx)
{
	return 0;
}

SEC("?raw_tp/kfree_skb")
int freed_raw(void *ctx)
{
	return 0;
}

SEC("?raw_tp/net_dev_start_xmit")
int offered_raw(void *ctx)
{
	return 0;
}

SEC("?raw_tp/net_dev_xmit")
int sent_raw(void *ctx)
{
	return 0;
}

char _license[] SEC("license") = "Dual BSD/GPL";

/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The kind of a device, and what becomes of a packet that is handed to one: it comes out of a veth or netkit elsewhere,
 * or is sent once more by a tunnel. */
#pragma once
#include "kernel.bpf.h"
#include "typed.bpf.h"

/* What the device that a packet was handed to does with it. */
enum crossing {
	CROSSES_NOTHING,
	CROSSES_PAIR,	/* it comes in at the other end, maybe in another namespace */
	CROSSES_TUNNEL, /* it is sent once more, with a header before it, as if it came from here */
};

#define EACH_BYTE 0x0101010101010101ULL

/* Eight bytes of a text, without what stands behind its end. */
static __always_inline u64 up_to_its_end(u64 text)
{
	u64 ends = (text - EACH_BYTE) & ~text & (EACH_BYTE << 7) & -((text - EACH_BYTE) & ~text & (EACH_BYTE << 7));

	return text & (ends ? (ends >> 7) - 1 : ~0ULL >> 8);
}

/* The name that `ip link add type` takes, with what stands behind its end; 0: none. */
static __always_inline u64 kind_text_of(struct net_device *dev)
{
	u64 kind = 0;

	if (typed_reads) {
		const struct rtnl_link_ops *ops = TYPED(net_device, dev)->rtnl_link_ops;

		return ops ? EIGHT_BYTES(TYPED(rtnl_link_ops, ops)->kind) : 0;
	}
	const char *name = BPF_CORE_READ(dev, rtnl_link_ops, kind);

	if (!name || bpf_probe_read_kernel_str(&kind, sizeof(kind), name) < 0)
		return 0;
	return kind;
}

static __always_inline u64 kind_of(struct net_device *dev)
{
	return up_to_its_end(kind_text_of(dev));
}

/* The first seven characters count. */
#define KIND(name) (*(const u64 *)(const char[8]){name})

static __always_inline enum crossing crossing_of(u64 kind)
{
	if (kind == KIND("veth") || kind == KIND("netkit"))
		return CROSSES_PAIR;
	return kind == KIND("vxlan") || kind == KIND("geneve") || kind == KIND("gre") || kind == KIND("gretap") ||
			       kind == KIND("ip6gre") || kind == KIND("ip6gret") || kind == KIND("ipip") ||
			       kind == KIND("sit") || kind == KIND("ip6tnl") || kind == KIND("bareudp")
		       ? CROSSES_TUNNEL
		       : CROSSES_NOTHING;
}

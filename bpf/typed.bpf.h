/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Fields of kernel objects by their address, as cheap as the kernel allows. */
#pragma once
#include "kernel.bpf.h"

/* The kernel has bpf_rdonly_cast (6.2): a field costs one checked load, not a helper call. */
const volatile u8 typed_reads;

extern void *bpf_rdonly_cast(const void *object, u32 btf_id) __ksym __weak;

#define TYPED(type, address) ((struct type *)bpf_rdonly_cast((void *)(address), bpf_core_type_id_kernel(struct type)))
/* A number in what lies at an address. An address is read by BPF_CORE_READ(): as a typed one it could not be reckoned
 * with. */
#define NUMBER(type, address, field)                                                                                   \
	(typed_reads ? TYPED(type, address)->field : BPF_CORE_READ((struct type *)(address), field))
/* The same; `is_direct`: the program's type tells the verifier what lies there, so that a field costs the load alone.
 */
#define FIELD(is_direct, type, address, field)                                                                         \
	((is_direct) ? ((struct type *)(address))->field : NUMBER(type, address, field))

/* With typed reads: of a type that has them as a number. */
#define EIGHT_BYTES(address) (TYPED(kernfs_node, (void *)(address)-bpf_core_field_offset(struct kernfs_node, id))->id)

/* The inode of its namespace. */
static __always_inline u32 netns_by(bool is_direct, struct net_device *dev)
{
	struct net *net = FIELD(is_direct, net_device, dev, nd_net.net);

	return FIELD(is_direct, net, net, ns.inum);
}

static __always_inline u32 netns_of(struct net_device *dev)
{
	return netns_by(false, dev);
}

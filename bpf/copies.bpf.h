/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Whether a packet's data is another's too. */
#pragma once
#include "kernel.bpf.h"
#include "typed.bpf.h"

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct sk_buff___sent {
	unsigned char *data;
	unsigned int end; /* from `head` on */
	u8 cloned : 1;
};

/* At the end of the data. */
struct skb_shared_info {
	struct {
		int counter;
	} dataref;
};

#pragma clang attribute pop

/* Whether others may have a copy of the packet, so that who is not meant throws this one away. */
enum copies {
	NO_COPY,
	COPIES_SENT, /* a bridge sent copies by other ports too */
	COPY_KEPT,   /* another has the same data: a packet socket, the host's own stack, or a mirror sent this one */
};

/* Of skb_shared_info.dataref; the other half counts who has the data alone. */
#define DATA_HOLDERS 0xffff

/* What was a copy for a packet socket may be freed since; the bit stays. */
static __always_inline enum copies copies_of(struct sk_buff *skb, bool is_another)
{
	if (is_another)
		return COPIES_SENT;
	if (!BPF_CORE_READ_BITFIELD_PROBED((struct sk_buff___sent *)skb, cloned))
		return NO_COPY;
	u64 end = (u64)NUMBER(sk_buff, skb, head) + NUMBER(sk_buff___sent, skb, end);

	return (NUMBER(skb_shared_info, end, dataref.counter) & DATA_HOLDERS) > 1 ? COPY_KEPT : NO_COPY;
}

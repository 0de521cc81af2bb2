/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Leads from what vhost-net knows of a queue to the queue's row. */
#pragma once
#include "rows/file-row.bpf.h"

/* Only the queue on which the guest receives has a ring. */
static __always_inline u32 row_of_ring(u64 ring)
{
	return ring ? row_of_file(ring - bpf_core_field_offset(struct tun_file, tx_ring)) : 0;
}

/* A backend of vhost-net is a struct socket. A tun_file begins with the sock of it, and so does a macvtap's tap_queue.
 */
static __always_inline u64 file_of_socket(u64 socket)
{
	return (u64)BPF_CORE_READ((struct socket *)socket, sk);
}

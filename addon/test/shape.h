/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include <linux/types.h>

enum colour { RED = 1, GREEN = 7 };

/* Every kind of field that the BTF reader tells apart. */
struct shape {
	__u64 total;
	__u32 counts[3][2];
	enum colour colour;
	union {
		__u16 low;
		__u8 bytes[2];
	};
	struct {
		__s32 x;
	} point;
	void *next;
	unsigned int flag : 3;
};

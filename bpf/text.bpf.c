// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// The machine code of a kernel function, for who wants to know what it calls.
#include "kernel.bpf.h"
#include "on-request.bpf.h"

#define TEXT_BYTES 16384

struct kernel_text {
	u8 bytes[TEXT_BYTES];
};

struct text_request {
	u64 start;
	u32 length;
	s32 error;
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, struct kernel_text);
} kernel_text SEC(".maps");

ON_REQUEST(read_text, struct text_request)
{
	u32 zero = 0, length = request->length;
	struct kernel_text *text = bpf_map_lookup_elem(&kernel_text, &zero);

	if (!text || length > TEXT_BYTES)
		request->error = -1;
	else
		request->error = bpf_probe_read_kernel(text->bytes, length, (void *)request->start);
	return 0;
}

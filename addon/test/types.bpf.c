// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Types and nothing else, of which a test damages every word: where libbpf finds maps and programs too, it makes more
// of their types than we read, and crashes.
#include "shape.h"

typedef int (*caller)(const struct shape *shape, int count);

int answer(struct shape *shape, caller call)
{
	return call(shape, shape->counts[1][1]);
}

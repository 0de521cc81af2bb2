// SPDX-License-Identifier: Apache-2.0
// Times of single packets: percentiles and the largest.
#include "samples.h"
#include "../cost/driver.h"

#include <stdio.h>
#include <stdlib.h>

void samples_add(struct samples *samples, uint64_t nanoseconds)
{
	if (samples->count == samples->room) {
		samples->room = samples->room ? 2 * samples->room : 1 << 16;
		samples->values = realloc(samples->values, samples->room * sizeof(*samples->values));
		if (!samples->values)
			fail("no memory for %lu samples", samples->room);
	}
	samples->values[samples->count++] = nanoseconds < UINT32_MAX ? nanoseconds : UINT32_MAX;
}

static int by_value(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

void samples_print(const char *name, struct samples *samples)
{
	const uint32_t *values = samples->values;
	uint64_t count = samples->count;

	if (count == 0)
		fail("no samples of '%s'", name);
	qsort(samples->values, count, sizeof(*values), by_value);
	printf("\"%s\":{\"p50\":%u,\"p999\":%u,\"max\":%u}", name, values[count / 2], values[count * 999 / 1000],
	       values[count - 1]);
	samples->count = 0;
}

// SPDX-License-Identifier: Apache-2.0
// What the latency driver's files share: times of single packets.
#ifndef SAMPLES_H
#define SAMPLES_H

#include <stdint.h>

/* Nanoseconds; on the instruction clock: instructions. */
struct samples {
	uint32_t *values;
	uint64_t count, room;
};

void samples_add(struct samples *samples, uint64_t nanoseconds);
/* Prints "name":{…} of a JSON object and forgets the values; a comma goes before all but the first. */
void samples_print(const char *name, struct samples *samples);

/* stream.c */

/* Sends a packet each so many microseconds, and reads each as it comes, both before all other tasks. */
void stream_start(long microseconds);
/* Prints its figures. */
void stream_stop(void);

#endif

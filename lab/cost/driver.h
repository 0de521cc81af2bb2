// SPDX-License-Identifier: Apache-2.0
// What the driver's files share: a tap with a ring of RING packets, times, and the figures of several rounds.
#ifndef DRIVER_H
#define DRIVER_H

#include <stdint.h>

enum { RING = 4000, MAX_ROUNDS = 64 };

/* One figure: nanoseconds (on the instruction clock: instructions) per packet, a value for each round. */
struct figure {
	double values[MAX_ROUNDS];
	int rounds;
};

struct tap {
	const char *name;
	int fd;
};

void figure_add(struct figure *figure, double nanoseconds, uint64_t packets);
void figure_print(const char *name, struct figure *figure);

struct tap open_tap(const char *name, const char *qdisc);
/* Reads all; adds the price of a read() to the figure if there is one. */
uint64_t drain(const struct tap *tap, struct figure *figure);
uint64_t device_counter(const char *device, const char *name);
uint64_t tx_dropped(const char *device);

uint64_t nanoseconds_now(void);
/* Nobody else runs until it is off: the agent under test sleeps meanwhile, its user space is no part of these figures.
 */
void run_alone(int on);
void sleep_us(long microseconds);
/* The first number of a file, after skipping words; 0 if there is none. */
uint64_t read_number(const char *path, int skip_words);
/* A measurement that is not what it claims to be is worse than none. */
void fail(const char *format, ...) __attribute__((format(printf, 1, 2), noreturn));

void measure_packet(const struct tap *tap, int rounds);
/* Devices that are none of ours: one takes every packet, the other has a qdisc that drops every packet. */
void measure_foreign(const char *taking, const char *dropping, int rounds);
void measure_pktgen(const struct tap *tap, int rounds);

#endif

// SPDX-License-Identifier: Apache-2.0
// What the driver's files share: times, figures of several rounds, devices. A path is clocked with RING packets a
// round.
#ifndef DRIVER_H
#define DRIVER_H

#include <stdint.h>

enum { RING = 4000, MAX_ROUNDS = 64 };

/* clock.c */

/* One figure: nanoseconds (on the instruction clock: instructions) per packet, a value for each round. */
struct figure {
	double values[MAX_ROUNDS];
	int rounds;
};

void figure_add(struct figure *figure, double nanoseconds, uint64_t packets);
/* Prints "name":{…} of a JSON object; a comma goes before all but the first. */
void figure_print(const char *name, struct figure *figure);
uint64_t nanoseconds_now(void);
/* CPU time of one thread, its time in the kernel included. */
uint64_t thread_nanoseconds(int thread);
/* A thread by the beginning of its name; 0 if there is none. */
int find_thread(const char *name);
/* No other task runs until it is off: the agent under test sleeps meanwhile, its user space is no part of these
 * figures.
 */
void run_alone(int on);
void sleep_us(long microseconds);

/* device.c */

/* Into a file of /proc/sys. */
void write_setting(const char *path, const char *value);
/* A command with two words. */
void run(const char *format, const char *device, const char *word);
/* Attaches one queue to a tap, which it makes if there is none; the descriptor does not block. */
int open_queue(const char *tap, int flags);
/* `qdisc` NULL: noqueue. */
void set_up(const char *device, int ring, const char *qdisc);
void add_dummy(const char *device, const char *qdisc);
/* A packet socket; `mark` is what a steering tap goes by. */
int open_sender(const char *device, int mark);
/* Sends one frame of a local experimental type; 0 if the device refused it. */
int send_frame(int sender);
/* Reads all packets that wait. */
uint64_t drain(int queue);
uint64_t device_counter(const char *device, const char *name);

/* write.c */

enum { WRITTEN_BYTES = 60 };

/* A round of writes of this frame into a tap. `arrived`: packets that came where the frame leads since it was last
 * asked. */
void clock_writes(struct figure *figure, int queue, const uint8_t *frame, uint64_t (*arrived)(void));

/* fail.c */

/* A measurement that is not what it claims to be is worse than none. */
void fail(const char *format, ...) __attribute__((format(printf, 1, 2), noreturn));

/* The paths: each prints its figures. */
void measure_packet(int rounds);
void measure_devices(int rounds);
void measure_few_queues(int rounds);
void measure_many_queues(int rounds);
void measure_foreign(int rounds);
void measure_pktgen(int rounds);
void measure_vhost(int rounds);
void measure_stop(int rounds);
void measure_write(int rounds);
void measure_forward(int rounds);
void measure_wake(int rounds);
void measure_unix_socket(int rounds);

#endif

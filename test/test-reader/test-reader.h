// SPDX-License-Identifier: Apache-2.0
// What the test reader can do beyond `traffic`: only tests ask for it.
#ifndef TEST_READER_H
#define TEST_READER_H

#include "../../bench/traffic/traffic.h"

#include <sys/uio.h>

command queue_enable, queue_disable, queue_persist, queue_steer;
command queue_write, queue_sndbuf;
command queue_write_frame, bind_udp;
command relay_start;
command read_some, read_short, read_bad;
command queue_filter;
command send_udp, send_packet, sniff, listen_only, redirect, answer_xdp, answer_tcx;
command stream_start, stream_stop;
command link_set, link_length, link_running, send_frames, forge;

/* A packet socket, or a negative errno; protocol 0 receives nothing. */
int open_packet(const char *device, int protocol);
bool is_ethernet(int socket, const char *device);

/* So often, and answers how many were taken, and why others were not. `varied`: a byte of them that has so many values;
 * NULL: they are all alike. */
void write_frames(const struct queue *queue, const struct iovec parts[2], uint64_t count, uint8_t *varied,
		  uint64_t values, struct answer *out);

#endif

// SPDX-License-Identifier: Apache-2.0
// What the puppet's files share: the answer being built, counts of errors by name, and the commands.
#ifndef PUPPET_H
#define PUPPET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct answer {
	char text[1024];
	size_t length;
};

/* Errors of one command, counted by errno: a full ring is part of the script, not a failure of it. */
struct tally {
	struct {
		int error;
		uint64_t count;
	} kinds[8];
	int used;
};

void answer_count(struct answer *out, const char *key, uint64_t value);
void answer_errors(struct answer *out, const struct tally *errors);
void tally_add(struct tally *errors, int error);

/* "word" among the arguments; "key=number" among them, or the fallback. */
bool has_word(int argc, char **argv, const char *word);
long option(int argc, char **argv, const char *key, long fallback);

/* Of the monotonic clock. */
double seconds_now(void);

/* No segmentation offload has this number. */
enum { UNKNOWN_GSO = 0x10 };

/* Fills size bytes as an Ethernet frame of a local experimental type, or as an IPv4 packet; false: too small. */
bool build_frame(uint8_t *frame, size_t size, bool ethernet);
/* To 02:00:00:00:00:01 and not to all. */
void make_unicast(uint8_t *frame);

/* argv[0] is the command. Zero, or a negative errno that becomes the answer. */
typedef int command(int argc, char **argv, struct answer *out);

command queue_open, queue_close, queue_enable, queue_disable, queue_persist, queue_steer;
command queue_write, queue_sndbuf;
command read_some, read_bad, read_loop, read_stop;
command send_udp, send_packet, sniff, redirect;
command guest_come, guest_go, guest_offer, guest_receive, guest_stall, guest_received, guest_send;

struct queue {
	char id[32];
	int fd;
	bool ethernet;
	size_t header; /* bytes of virtio-net header before each frame */
	struct reader *reader;
	struct guest *guest;
};

struct queue *find_queue(const char *id);

/* A descriptor that does not block, or a negative errno. */
int open_macvtap(const char *device);

#endif

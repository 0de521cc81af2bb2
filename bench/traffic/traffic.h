// SPDX-License-Identifier: Apache-2.0
// What the files of `traffic` and of the lab's test reader share: the answer being built, counts of errors by name,
// queues, frames.
#ifndef TRAFFIC_H
#define TRAFFIC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

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

/* Seconds of the monotonic clock. */
double seconds_now(void);

/* CPU time of this thread. */
double seconds_run(void);

/* No segmentation offload has this number. */
enum { UNKNOWN_GSO = 0x10 };

/* Fills size bytes as an Ethernet frame of a local experimental type, or as an IPv4 packet; false: too small. */
bool build_frame(uint8_t *frame, size_t size, bool ethernet);
/* To 02:00:00:00:00:01 and not to all. */
void make_unicast(uint8_t *frame);
/* An Ethernet frame of at least 34 bytes gets an IPv4 packet in it. */
void make_ipv4(uint8_t *frame, size_t size);

/* argv[0] is the command. Zero, or a negative errno that becomes the answer. */
typedef int command(int argc, char **argv, struct answer *out);

struct named_command {
	const char *name;
	int arguments; /* the fewest that the command needs */
	command *run;
	const char *usage;
};

/* Carries out one line of stdin after the other until there are no more; each is answered by a line of JSON. */
int serve_commands(const char *program, const struct named_command *commands, size_t n_commands);

/* Before the first queue: each is a descriptor, and the usual soft limit of 1024 is too small for a thousand. */
void allow_descriptors(void);

command queue_open, queue_close;
command read_loop, read_stop;
command flood_start, flood_stop;
command tunnel_start, tunnel_stop;
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

/* Remembers a descriptor as a queue. Zero or a negative errno, and the descriptor is closed. */
int add_queue(const char *id, int fd, bool ethernet, size_t header);

/* A descriptor that does not block, or a negative errno; flags of linux/if_tun.h. */
int open_macvtap(const char *device, short flags);

/* One packet: its bytes without the virtio-net header, or a negative errno. */
ssize_t read_one(const struct queue *queue);

#endif

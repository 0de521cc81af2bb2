// SPDX-License-Identifier: Apache-2.0
// puppet: holds tun/tap queues and sends packets, as lines on stdin say; one line of JSON with exact counts answers
// each. It does nothing by itself: when stdin ends it exits, and the kernel takes its queues away.
#define _GNU_SOURCE
#include "puppet.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

enum { MAX_WORDS = 16 };

void answer_count(struct answer *out, const char *key, uint64_t value)
{
	int n = snprintf(out->text + out->length, sizeof(out->text) - out->length, ",\"%s\":%llu", key,
			 (unsigned long long)value);

	out->length += n;
}

void answer_errors(struct answer *out, const struct tally *errors)
{
	out->length += sprintf(out->text + out->length, ",\"errors\":{");
	for (int i = 0; i < errors->used; i++)
		out->length +=
			sprintf(out->text + out->length, "%s\"%s\":%llu", i ? "," : "",
				strerrorname_np(errors->kinds[i].error), (unsigned long long)errors->kinds[i].count);
	out->length += sprintf(out->text + out->length, "}");
}

void tally_add(struct tally *errors, int error)
{
	int i = 0;

	while (i < errors->used && errors->kinds[i].error != error)
		i++;
	if (i == errors->used) {
		if (errors->used == (int)(sizeof(errors->kinds) / sizeof(errors->kinds[0])))
			abort(); /* a count that is not exact is worse than none */
		errors->kinds[errors->used++].error = error;
	}
	errors->kinds[i].count++;
}

bool has_word(int argc, char **argv, const char *word)
{
	for (int i = 0; i < argc; i++)
		if (strcmp(argv[i], word) == 0)
			return true;
	return false;
}

long option(int argc, char **argv, const char *key, long fallback)
{
	size_t length = strlen(key);

	for (int i = 0; i < argc; i++)
		if (strncmp(argv[i], key, length) == 0 && argv[i][length] == '=')
			return atol(argv[i] + length + 1);
	return fallback;
}

double seconds_now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec + time.tv_nsec * 1e-9;
}

static int pause_here(int argc, char **argv, struct answer *out)
{
	long milliseconds = atol(argv[1]);
	struct timespec time = {milliseconds / 1000, milliseconds % 1000 * 1000000};

	(void)argc, (void)out;
	nanosleep(&time, NULL);
	return 0;
}

static int quit(int argc, char **argv, struct answer *out)
{
	(void)argc, (void)argv, (void)out;
	puts("{\"ok\":true}");
	exit(0);
}

static const struct {
	const char *name;
	int arguments; /* at least */
	command *run;
	const char *usage;
} commands[] = {
	{"open", 3, queue_open, "open ID DEV tun|tap|macvtap [mq] [persist] [vnet] [backpressure] [pi]"},
	{"close", 1, queue_close, "close ID"},
	{"detach", 1, queue_disable, "detach ID"},
	{"attach", 1, queue_enable, "attach ID"},
	{"persist", 2, queue_persist, "persist ID on|off"},
	{"steer", 2, queue_steer, "steer ID on|off: the queue is the sender's queue=N modulo the queues"},
	{"write", 3, queue_write, "write ID COUNT SIZE [unicast] [badheader] [fault] [noip] [cut=BYTES]"},
	{"sndbuf", 2, queue_sndbuf, "sndbuf ID BYTES: of written packets, until the host lets go of them"},
	{"read", 2, read_some, "read ID COUNT|all"},
	{"readbad", 2, read_bad, "readbad ID COUNT: reads into a buffer that is not there"},
	{"readloop", 2, read_loop, "readloop ID RATE [work=US]: in the background, packets per second, 0 = all"},
	{"stop", 1, read_stop, "stop ID: ends readloop"},
	{"udp", 4, send_udp, "udp DST PORT COUNT SIZE [flows=N] [queue=N]: SIZE is the payload"},
	{"packet", 3, send_packet, "packet DEV COUNT SIZE [bypass] [unicast] [queue=N]: SIZE is the frame"},
	{"guest", 1, guest_come, "guest ID [entries=N] [buffer=BYTES]: a guest by vhost-net; no buffers are posted"},
	{"unguest", 1, guest_go, "unguest ID: vhost-net gives back what it holds"},
	{"offer", 2, guest_offer, "offer ID COUNT: the guest posts buffers to receive into"},
	{"receive", 2, guest_receive, "receive ID RATE [lump=N]: in the background, buffers per second, 0 = all"},
	{"stall", 1, guest_stall, "stall ID: ends receive; buffers that are posted stay so"},
	{"received", 1, guest_received, "received ID"},
	{"send", 3, guest_send,
	 "send ID COUNT SIZE [badheader] [unicast] [batch=N] [wait=MILLISECONDS]: guest to host"},
	{"redirect", 2, redirect,
	 "redirect FROM TO: by XDP, what comes in by FROM goes out by TO, until the puppet ends"},
	{"sniff", 2, sniff, "sniff DEV on|off: a packet socket that nobody reads"},
	{"sleep", 1, pause_here, "sleep MILLISECONDS"},
	{"quit", 0, quit, "quit"},
};

static int run_command(int argc, char **argv, struct answer *out)
{
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
		if (strcmp(argv[0], commands[i].name) != 0)
			continue;
		if (argc - 1 < commands[i].arguments) {
			fprintf(stderr, "puppet: usage: %s\n", commands[i].usage);
			return -EINVAL;
		}
		return commands[i].run(argc, argv, out);
	}
	fprintf(stderr, "puppet: no command '%s'\n", argv[0]);
	return -ENOSYS;
}

static int split_words(char *line, char **words)
{
	int n = 0;

	for (char *word = strtok(line, " \n"); word && n < MAX_WORDS; word = strtok(NULL, " \n"))
		words[n++] = word;
	return n;
}

/* A queue is a descriptor: the usual soft limit of 1024 is too small for a thousand of them. */
static void allow_descriptors(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
		limit.rlim_cur = limit.rlim_max;
		setrlimit(RLIMIT_NOFILE, &limit);
	}
}

int main(void)
{
	char line[1024], *words[MAX_WORDS];

	allow_descriptors();
	setvbuf(stdout, NULL, _IOLBF, 0);
	while (fgets(line, sizeof(line), stdin)) {
		struct answer out = {.length = 0};
		int argc = split_words(line, words), error;

		if (argc == 0)
			continue;
		error = run_command(argc, words, &out);
		if (error)
			printf("{\"ok\":false,\"error\":\"%s\"}\n", strerrorname_np(-error));
		else
			printf("{\"ok\":true%.*s}\n", (int)out.length, out.text);
	}
	return 0;
}

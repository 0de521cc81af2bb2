// SPDX-License-Identifier: Apache-2.0
// Commands as lines on stdin; one line of JSON with exact counts answers each.
#define _GNU_SOURCE
#include "traffic.h"

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

static double seconds_of(clockid_t clock)
{
	struct timespec time;

	clock_gettime(clock, &time);
	return time.tv_sec + time.tv_nsec * 1e-9;
}

double seconds_now(void)
{
	return seconds_of(CLOCK_MONOTONIC);
}

double seconds_run(void)
{
	return seconds_of(CLOCK_THREAD_CPUTIME_ID);
}

static int run_command(const char *program, const struct named_command *commands, size_t n_commands, int argc,
		       char **argv, struct answer *out)
{
	for (size_t i = 0; i < n_commands; i++) {
		if (strcmp(argv[0], commands[i].name) != 0)
			continue;
		if (argc - 1 < commands[i].arguments) {
			fprintf(stderr, "%s: usage: %s\n", program, commands[i].usage);
			return -EINVAL;
		}
		return commands[i].run(argc, argv, out);
	}
	fprintf(stderr, "%s: no command '%s'\n", program, argv[0]);
	return -ENOSYS;
}

static int split_words(char *line, char **words)
{
	int n = 0;

	for (char *word = strtok(line, " \n"); word && n < MAX_WORDS; word = strtok(NULL, " \n"))
		words[n++] = word;
	return n;
}

void allow_descriptors(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
		limit.rlim_cur = limit.rlim_max;
		setrlimit(RLIMIT_NOFILE, &limit);
	}
}

int serve_commands(const char *program, const struct named_command *commands, size_t n_commands)
{
	char line[1024], *words[MAX_WORDS];

	setvbuf(stdout, NULL, _IOLBF, 0);
	while (fgets(line, sizeof(line), stdin)) {
		struct answer out = {.length = 0};
		int argc = split_words(line, words), error;

		if (argc == 0)
			continue;
		error = run_command(program, commands, n_commands, argc, words, &out);
		if (error)
			printf("{\"ok\":false,\"error\":\"%s\"}\n", strerrorname_np(-error));
		else
			printf("{\"ok\":true%.*s}\n", (int)out.length, out.text);
	}
	return 0;
}

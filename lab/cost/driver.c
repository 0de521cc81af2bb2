// SPDX-License-Identifier: Apache-2.0
// driver: clocks the packet paths around a tap's ring. On stdin "PATH ROUNDS"; each answers with one line of JSON. In a
// VM on the instruction clock a nanosecond is an instruction.
#include "driver.h"

#include <stdio.h>
#include <string.h>

static const struct {
	const char *name;
	void (*measure)(int rounds);
} paths[] = {
	{"packet", measure_packet},
	{"devices", measure_devices},
	{"few-queues", measure_few_queues},
	{"many-queues", measure_many_queues},
	{"foreign", measure_foreign},
	{"pktgen", measure_pktgen},
	{"vhost", measure_vhost},
	{"stop", measure_stop},
	{"write", measure_write},
	{"forward", measure_forward},
	{"wake", measure_wake},
	{"unix-socket", measure_unix_socket},
};

static void measure(const char *path, int rounds)
{
	if (rounds < 1 || rounds >= MAX_ROUNDS)
		fail("1 to %d rounds", MAX_ROUNDS - 1);
	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
		if (strcmp(path, paths[i].name) == 0) {
			printf("{");
			paths[i].measure(rounds);
			printf("}\n");
			return;
		}
	}
	fail("no path '%s'", path);
}

int main(void)
{
	char line[128], path[32];
	int rounds;

	/* What does not answer the neighbours of IPv6 is quiet: no packet but ours. */
	write_setting("/proc/sys/net/ipv6/conf/default/disable_ipv6", "1");
	write_setting("/proc/sys/net/core/default_qdisc", "noqueue");
	setvbuf(stdout, NULL, _IOLBF, 0);
	puts("{\"ready\":true}");
	while (fgets(line, sizeof(line), stdin) && sscanf(line, "%31s %d", path, &rounds) == 2)
		measure(path, rounds);
	return 0;
}

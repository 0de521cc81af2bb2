// SPDX-License-Identifier: Apache-2.0
// driver: clocks the packet paths around a tap's ring of 4000. On stdin "packet ROUNDS", "foreign ROUNDS", "pktgen
// ROUNDS"; each answers with one line of JSON. In a VM on the instruction clock a nanosecond is an instruction.
#include "driver.h"

#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

void fail(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	fputs("cost driver: ", stderr);
	vfprintf(stderr, format, arguments);
	fputc('\n', stderr);
	exit(1);
}

void figure_add(struct figure *figure, double nanoseconds, uint64_t packets)
{
	if (packets == 0)
		fail("a round without packets");
	if (figure->rounds < MAX_ROUNDS)
		figure->values[figure->rounds++] = nanoseconds / packets;
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

void figure_print(const char *name, struct figure *figure)
{
	/* The first round warms up: pages, slabs, the emulator's translations. */
	double *values = figure->values + 1;
	int rounds = figure->rounds - 1;

	qsort(values, rounds, sizeof(*values), by_value);
	printf("\"%s\":{\"median\":%.1f,\"low\":%.1f,\"high\":%.1f}", name, values[rounds / 2], values[0],
	       values[rounds - 1]);
}

uint64_t nanoseconds_now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec * 1000000000ULL + time.tv_nsec;
}

void sleep_us(long microseconds)
{
	struct timespec time = {microseconds / 1000000, microseconds % 1000000 * 1000};

	nanosleep(&time, NULL);
}

void run_alone(int on)
{
	struct sched_param priority = {.sched_priority = on ? 50 : 0};

	if (sched_setscheduler(0, on ? SCHED_FIFO : SCHED_OTHER, &priority))
		fail("cannot take SCHED_FIFO");
}

uint64_t read_number(const char *path, int skip_words)
{
	char text[4096] = "", *at = text;
	int fd = open(path, O_RDONLY);

	if (fd < 0)
		return 0;
	if (read(fd, text, sizeof(text) - 1) < 0)
		text[0] = '\0';
	close(fd);
	while (at && skip_words--)
		at = (at = strchr(at, ' ')) ? at + 1 : NULL;
	return at ? strtoull(at, NULL, 10) : 0;
}

uint64_t device_counter(const char *device, const char *name)
{
	char path[128];

	snprintf(path, sizeof(path), "/sys/class/net/%s/statistics/%s", device, name);
	return read_number(path, 0);
}

uint64_t tx_dropped(const char *device)
{
	return device_counter(device, "tx_dropped");
}

static void run(const char *format, const char *device, const char *word)
{
	char command[256];

	snprintf(command, sizeof(command), format, device, word);
	if (system(command))
		fail("'%s' failed", command);
}

/* What does not answer the neighbours of IPv6 is quiet: no packet but ours. */
static void set_up(const char *device, const char *qdisc)
{
	run("sysctl -qw net.ipv6.conf.%s.disable_ipv6=1%s", device, "");
	run("tc qdisc replace dev %s root %s", device, qdisc);
	run("ip link set dev %s txqueuelen 4000 up%s", device, "");
}

struct tap open_tap(const char *name, const char *qdisc)
{
	struct ifreq request = {.ifr_flags = IFF_TAP | IFF_NO_PI};
	struct tap tap = {name, open("/dev/net/tun", O_RDWR | O_NONBLOCK)};

	strncpy(request.ifr_name, name, IFNAMSIZ - 1);
	if (tap.fd < 0 || ioctl(tap.fd, TUNSETIFF, &request))
		fail("cannot open tap %s", name);
	set_up(name, qdisc);
	return tap;
}

uint64_t drain(const struct tap *tap, struct figure *figure)
{
	char buffer[4096];
	uint64_t packets = 0, start, end;

	run_alone(1);
	start = nanoseconds_now();
	while (read(tap->fd, buffer, sizeof(buffer)) > 0)
		packets++;
	end = nanoseconds_now();
	run_alone(0);
	if (figure)
		figure_add(figure, end - start, packets);
	return packets;
}

static void add_dummy(const char *name, const char *qdisc)
{
	run("ip link add %s type dummy%s", name, "");
	set_up(name, qdisc);
}

int main(void)
{
	struct tap direct = open_tap("tap0", "noqueue"), queued = open_tap("tap1", "pfifo_fast");
	char line[128], path[32];
	int rounds;

	add_dummy("dummy0", "noqueue");
	add_dummy("dummy1", "blackhole");
	setvbuf(stdout, NULL, _IOLBF, 0);
	puts("{\"ready\":true}");
	while (fgets(line, sizeof(line), stdin) && sscanf(line, "%31s %d", path, &rounds) == 2) {
		if (rounds < 1 || rounds >= MAX_ROUNDS)
			fail("1 to %d rounds", MAX_ROUNDS - 1);
		printf("{");
		if (strcmp(path, "packet") == 0)
			measure_packet(&direct, rounds);
		else if (strcmp(path, "foreign") == 0)
			measure_foreign("dummy0", "dummy1", rounds);
		else if (strcmp(path, "pktgen") == 0)
			measure_pktgen(&queued, rounds);
		else
			fail("no path '%s'", path);
		printf("}\n");
	}
	return 0;
}

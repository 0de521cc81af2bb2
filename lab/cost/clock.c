// SPDX-License-Identifier: Apache-2.0
// Times and figures.
#include "driver.h"

#include <dirent.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

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
	/* The first round warms up: pages, slabs, the emulator's translations, rows of devices never seen before. */
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

uint64_t thread_nanoseconds(int thread)
{
	char path[64];
	unsigned long long nanoseconds;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/schedstat", thread);
	file = fopen(path, "r");
	if (!file || fscanf(file, "%llu", &nanoseconds) != 1)
		fail("cannot read %s", path);
	fclose(file);
	return nanoseconds;
}

static int find_in(const char *directory, const char *name)
{
	DIR *threads = opendir(directory);
	struct dirent *entry;
	int found = 0;

	while (threads && !found && (entry = readdir(threads))) {
		char path[512], comm[32] = "";
		FILE *file;

		snprintf(path, sizeof(path), "%s/%s/comm", directory, entry->d_name);
		file = fopen(path, "r");
		if (!file)
			continue;
		if (fgets(comm, sizeof(comm), file) && strncmp(comm, name, strlen(name)) == 0)
			found = atoi(entry->d_name);
		fclose(file);
	}
	if (threads)
		closedir(threads);
	return found;
}

/* Kernel threads are processes, but what works for a process is one of its threads since Linux 6.4. */
int find_thread(const char *name)
{
	int found = find_in("/proc/self/task", name);

	return found ? found : find_in("/proc", name);
}

void run_alone(int on)
{
	struct sched_param priority = {.sched_priority = on ? 50 : 0};

	if (sched_setscheduler(0, on ? SCHED_FIFO : SCHED_OTHER, &priority))
		fail("cannot take SCHED_FIFO");
	if (!on)
		sleep_us(1000); /* what the kernel has put off meanwhile is done before the next path */
}

void sleep_us(long microseconds)
{
	struct timespec time = {microseconds / 1000000, microseconds % 1000000 * 1000};

	nanosleep(&time, NULL);
}

// SPDX-License-Identifier: Apache-2.0
// A program that reads a tap in one of the ways in which programs do, or sends to it, until it is killed.
//   player read DEVICE block|sleep|signal|turns [work=µs a packet] [every=µs of sleep] [most=packets a wake] [pause=µs]
//   [period=µs]
//     [others=threads that read another file now and then]
//   player send DEVICE PACKETS_PER_SECOND LUMP        (0 packets a second: as fast as it can)
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_packet.h>
#include <linux/if_tun.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static int tap;
static long work, every = 1000, most = 1 << 30, pause_us, period = 1000000, others;

static void fail(const char *what)
{
	perror(what);
	exit(1);
}

static int64_t now_us(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec * 1000000LL + time.tv_nsec / 1000;
}

static void rest(long microseconds)
{
	struct timespec time = {microseconds / 1000000, microseconds % 1000000 * 1000};

	nanosleep(&time, NULL);
}

static void compute(void)
{
	if (!work)
		return;
	/* CPU time, not the clock: it is to need as much where it is kept waiting. */
	struct timespec time;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
	int64_t until = time.tv_sec * 1000000000LL + time.tv_nsec + work * 1000;

	do
		clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
	while (time.tv_sec * 1000000000LL + time.tv_nsec < until);
}

static bool take(void)
{
	char packet[2048];

	if (read(tap, packet, sizeof(packet)) < 0)
		return errno != EAGAIN;
	compute();
	return true;
}

static void wait_for_packet(void)
{
	struct pollfd one = {.fd = tap, .events = POLLIN};

	poll(&one, 1, -1);
}

static void read_blocking(void)
{
	int64_t next = now_us() + period;

	for (;;) {
		if (!take())
			wait_for_packet();
		if (pause_us && now_us() > next) {
			rest(pause_us);
			next = now_us() + period - pause_us;
		}
	}
}

static void read_sleeping(void)
{
	for (;;) {
		for (long packets = 0; packets < most && take(); packets++)
			;
		rest(every);
	}
}

static sigset_t only_sigio(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGIO);
	return set;
}

static void read_by_signals(void)
{
	sigset_t set = only_sigio();
	siginfo_t info;

	fcntl(tap, F_SETOWN, getpid());
	fcntl(tap, F_SETFL, O_NONBLOCK | O_ASYNC);
	for (;;) {
		while (take())
			;
		sigwaitinfo(&set, &info);
	}
}

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t turned = PTHREAD_COND_INITIALIZER;
static long turn;

static void *take_turns(void *own)
{
	for (;;) {
		pthread_mutex_lock(&lock);
		while (turn != (long)own)
			pthread_cond_wait(&turned, &lock);
		if (!take())
			wait_for_packet();
		turn = !turn;
		pthread_cond_signal(&turned);
		pthread_mutex_unlock(&lock);
	}
	return NULL;
}

static void *read_other_file(void *unused)
{
	char byte;

	(void)unused;
	for (int file = open("/dev/zero", O_RDONLY);; rest(10000))
		if (read(file, &byte, 1) < 0)
			fail("/dev/zero");
	return NULL;
}

static void open_tap(const char *device)
{
	struct ifreq request = {.ifr_flags = IFF_TAP | IFF_NO_PI};

	tap = open("/dev/net/tun", O_RDWR | O_NONBLOCK);
	strncpy(request.ifr_name, device, IFNAMSIZ - 1);
	if (tap < 0 || ioctl(tap, TUNSETIFF, &request))
		fail("TUNSETIFF");
	puts("ready");
	fflush(stdout);
}

static void send_to(const char *device, long rate, long lump)
{
	struct sockaddr_ll to = {.sll_family = AF_PACKET, .sll_ifindex = if_nametoindex(device), .sll_halen = 6};
	char frame[100] = "\2\0\0\0\0\1\2\0\0\0\0\2\x88\xb5";
	int out = socket(AF_PACKET, SOCK_RAW, 0);

	if (out < 0 || !to.sll_ifindex)
		fail("packet socket");
	puts("ready");
	fflush(stdout);
	for (int64_t next = now_us();;) {
		for (long i = 0; i < lump; i++)
			sendto(out, frame, sizeof(frame), 0, (struct sockaddr *)&to, sizeof(to));
		if (!rate)
			continue;
		next += lump * 1000000 / rate;
		int64_t left = next - now_us();

		if (left > 0)
			rest(left);
		else
			next = now_us();
	}
}

int main(int count, char **words)
{
	if (count < 4)
		return 2;
	if (!strcmp(words[1], "send")) {
		send_to(words[2], atol(words[3]), atol(words[4]));
		return 0;
	}
	for (int i = 4; i < count; i++)
		if (!sscanf(words[i], "work=%ld", &work) && !sscanf(words[i], "every=%ld", &every) &&
		    !sscanf(words[i], "most=%ld", &most) && !sscanf(words[i], "pause=%ld", &pause_us) &&
		    !sscanf(words[i], "period=%ld", &period) && !sscanf(words[i], "others=%ld", &others))
			return 2;
	open_tap(words[2]);
	sigset_t sigio = only_sigio();
	pthread_t other;

	sigprocmask(SIG_BLOCK, &sigio, NULL); /* in every thread: it would end the program */
	for (long i = 0; i < others; i++)
		pthread_create(&other, NULL, read_other_file, NULL);
	if (!strcmp(words[3], "block"))
		read_blocking();
	else if (!strcmp(words[3], "sleep"))
		read_sleeping();
	else if (!strcmp(words[3], "signal"))
		read_by_signals();
	pthread_create(&other, NULL, take_turns, (void *)1);
	take_turns((void *)0);
}

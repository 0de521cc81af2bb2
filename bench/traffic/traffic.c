// SPDX-License-Identifier: Apache-2.0
// traffic: what `tapscope bench` measures and `tapscope demo` plays with. It enters a network namespace of its own,
// holds taps there, sends to them, reads them or plays guests of vhost-net, and starts pktgen. All of that ends with
// it, however it ends, and it ends with its caller: nothing has to be undone.
#define _GNU_SOURCE
#include "traffic.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

static int write_text(const char *path, const char *text)
{
	int error = 0, fd = open(path, O_WRONLY | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	if (write(fd, text, strlen(text)) < 0)
		error = -errno;
	close(fd);
	return error;
}

/* Without this the kernel's own neighbour and multicast packets would be counted among the generator's. */
static int enter_namespace(int argc, char **argv, struct answer *out)
{
	int error;

	(void)argc, (void)argv, (void)out;
	if (unshare(CLONE_NEWNET))
		return -errno;
	error = write_text("/proc/sys/net/ipv6/conf/all/disable_ipv6", "1\n");
	if (!error)
		error = write_text("/proc/sys/net/ipv6/conf/default/disable_ipv6", "1\n");
	return error == -ENOENT ? 0 : error;
}

/* Threads that start from now on, vhost-net's workers among them since Linux 6.4. */
static int pin(int argc, char **argv, struct answer *out)
{
	static cpu_set_t all;
	cpu_set_t one;

	(void)argc, (void)out;
	if (CPU_COUNT(&all) == 0 && sched_getaffinity(0, sizeof(all), &all))
		return -errno;
	CPU_ZERO(&one);
	CPU_SET(atoi(argv[1]), &one);
	return sched_setaffinity(0, sizeof(one), strcmp(argv[1], "off") == 0 ? &all : &one) ? -errno : 0;
}

/* Sets the name of this process as the host sees it, and of threads that start from now on. */
static int take_name(int argc, char **argv, struct answer *out)
{
	(void)argc, (void)out;
	return prctl(PR_SET_NAME, argv[1]) ? -errno : 0;
}

static pthread_t generator;
static bool generating;

/* The write of "start" returns when the run has ended. */
static void *generate(void *unused)
{
	return (void)unused, (void *)(intptr_t)write_text("/proc/net/pktgen/pgctrl", "start\n");
}

static int generator_start(int argc, char **argv, struct answer *out)
{
	int error;

	(void)argc, (void)argv, (void)out;
	if (generating)
		return -EBUSY;
	error = -pthread_create(&generator, NULL, generate, NULL);
	generating = !error;
	return error;
}

static int generator_stop(int argc, char **argv, struct answer *out)
{
	int error;
	void *result;

	(void)argc, (void)argv, (void)out;
	if (!generating)
		return -ENOENT;
	error = write_text("/proc/net/pktgen/pgctrl", "stop\n");
	if (error)
		return error;
	pthread_join(generator, &result);
	generating = false;
	return (intptr_t)result;
}

static const struct named_command commands[] = {
	{"namespace", 0, enter_namespace, "namespace: enters a new network namespace"},
	{"name", 1, take_name, "name NAME: of this process"},
	{"pin", 1, pin, "pin CPU|off: readers and guests that come from now on"},
	{"open", 3, queue_open, "open ID DEV tun|tap|macvtap [mq] [vnet] [backpressure]"},
	{"close", 1, queue_close, "close ID"},
	{"readloop", 2, read_loop, "readloop ID RATE: in the background, packets per second, 0 = all"},
	{"stop", 1, read_stop, "stop ID: ends readloop"},
	{"tunnel", 5, tunnel_start, "tunnel ID OWN OTHER PORT RATE: a VPN of a queue by UDP, in the background"},
	{"untunnel", 0, tunnel_stop, "untunnel: ends it"},
	{"flood", 2, flood_start, "flood DEV RATE [burst=N]: in the background, frames per second"},
	{"calm", 0, flood_stop, "calm: ends flood"},
	{"guest", 1, guest_come, "guest ID [entries=N] [buffer=BYTES]: a guest by vhost-net; no buffers are posted"},
	{"receive", 2, guest_receive, "receive ID RATE: in the background, buffers per second, 0 = all"},
	{"stall", 1, guest_stall, "stall ID: ends receive"},
	{"send", 3, guest_send, "send ID COUNT SIZE [batch=N] [for=MILLISECONDS] [wait=MILLISECONDS]: guest to host"},
	{"unguest", 1, guest_go, "unguest ID: the guest goes"},
	{"generate", 0, generator_start, "generate: pktgen starts in this namespace"},
	{"rest", 0, generator_stop, "rest: pktgen stops"},
};

int main(void)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	allow_descriptors();
	return serve_commands("traffic", commands, sizeof(commands) / sizeof(commands[0]));
}

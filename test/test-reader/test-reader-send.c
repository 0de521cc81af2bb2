// SPDX-License-Identifier: Apache-2.0
// The test reader's senders (UDP through the stack, raw frames by packet socket) and a packet socket that only listens.
// Senders never block: what a full send buffer refuses is counted as EAGAIN.
#define _GNU_SOURCE
#include "test-reader.h"
#include "redirect.h"

#include <arpa/inet.h>
#include <errno.h>
#include <limits.h>
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

enum { MAX_FLOWS = 256, MAX_SNIFFERS = 16 };

static uint8_t payload[65536];

static void send_all(const int *sockets, long n_sockets, uint64_t count, size_t size, struct answer *out)
{
	struct tally errors = {.used = 0};
	uint64_t sent = 0;

	for (uint64_t i = 0; i < count; i++) {
		if (send(sockets[i % n_sockets], payload, size, MSG_DONTWAIT) < 0)
			tally_add(&errors, errno);
		else
			sent++;
	}
	answer_count(out, "sent", sent);
	answer_errors(out, &errors);
}

/* queue=N travels as the socket's mark: see steer. */
static int set_mark(int socket, int argc, char **argv)
{
	unsigned int mark = option(argc, argv, "queue", 0);

	return setsockopt(socket, SOL_SOCKET, SO_MARK, &mark, sizeof(mark));
}

/* Packets wait for a soft interrupt on a busy host: room for as many large ones as for small ones, where it may be had.
 */
static void make_room(int socket, size_t size)
{
	int room = 256 * (512 + size);

	setsockopt(socket, SOL_SOCKET, SO_SNDBUFFORCE, &room, sizeof(room));
}

static int open_udp(const struct sockaddr_in *to, int argc, char **argv)
{
	int error, fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -errno;
	make_room(fd, strtoul(argv[4], NULL, 10));
	if (set_mark(fd, argc, argv) == 0 && connect(fd, (const struct sockaddr *)to, sizeof(*to)) == 0)
		return fd;
	error = -errno;
	close(fd);
	return error;
}

int send_udp(int argc, char **argv, struct answer *out)
{
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(atoi(argv[2]))};
	long flows = option(argc, argv, "flows", 1), opened = 0;
	size_t size = strtoul(argv[4], NULL, 10);
	int sockets[MAX_FLOWS], error = 0;

	if (inet_pton(AF_INET, argv[1], &to.sin_addr) != 1 || flows < 1 || flows > MAX_FLOWS || size > 65507)
		return -EINVAL;
	memset(payload, 0, size);
	while (opened < flows && error == 0) {
		int fd = open_udp(&to, argc, argv);

		if (fd < 0)
			error = fd;
		else
			sockets[opened++] = fd;
	}
	if (error == 0)
		send_all(sockets, flows, strtoull(argv[3], NULL, 10), size, out);
	while (opened)
		close(sockets[--opened]);
	return error;
}

bool is_ethernet(int socket, const char *device)
{
	struct ifreq request = {.ifr_flags = 0};

	strncpy(request.ifr_name, device, IFNAMSIZ - 1);
	return ioctl(socket, SIOCGIFHWADDR, &request) == 0 && request.ifr_hwaddr.sa_family == ARPHRD_ETHER;
}

int open_packet(const char *device, int protocol)
{
	struct sockaddr_ll at = {.sll_family = AF_PACKET, .sll_protocol = htons(protocol)};
	int error, fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -errno;
	at.sll_ifindex = if_nametoindex(device);
	if (at.sll_ifindex && bind(fd, (struct sockaddr *)&at, sizeof(at)) == 0)
		return fd;
	error = -errno;
	close(fd);
	return error;
}

int send_packet(int argc, char **argv, struct answer *out)
{
	size_t size = strtoul(argv[3], NULL, 10);
	int bypass = has_word(argc - 4, argv + 4, "bypass");
	int error = 0, fd = open_packet(argv[1], 0);

	if (fd < 0)
		return fd;
	bool built = build_frame(payload, size, is_ethernet(fd, argv[1]));

	if (built && has_word(argc - 4, argv + 4, "unicast"))
		make_unicast(payload);
	if (!built)
		error = -EINVAL;
	else if (setsockopt(fd, SOL_PACKET, PACKET_QDISC_BYPASS, &bypass, sizeof(bypass)) || set_mark(fd, argc, argv))
		error = -errno;
	else
		send_all(&fd, 1, strtoull(argv[2], NULL, 10), size, out);
	close(fd);
	return error;
}

static struct sniffer {
	char device[IFNAMSIZ];
	int fd;
} sniffers[MAX_SNIFFERS];

static struct sniffer *find_sniffer(const char *device)
{
	for (int i = 0; i < MAX_SNIFFERS; i++)
		if (strcmp(sniffers[i].device, device) == 0)
			return &sniffers[i];
	return NULL;
}

/* Frames of TPACKET_V1, without room for more than some hundred. */
static int add_ring(int fd)
{
	struct tpacket_req ring = {.tp_block_size = 4096, .tp_block_nr = 64, .tp_frame_size = 2048, .tp_frame_nr = 128};

	return setsockopt(fd, SOL_PACKET, PACKET_RX_RING, &ring, sizeof(ring)) ? -errno : 0;
}

static int start_sniffer(const char *device, bool mapped)
{
	struct sniffer *slot = find_sniffer("");
	int smallest = 0, fd;

	if (!slot || find_sniffer(device))
		return slot ? -EEXIST : -EMFILE;
	fd = open_packet(device, ETH_P_ALL);
	if (fd < 0)
		return fd;
	setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &smallest, sizeof(smallest));
	if (mapped && add_ring(fd)) {
		close(fd);
		return -EINVAL;
	}
	slot->fd = fd;
	strncpy(slot->device, device, IFNAMSIZ - 1);
	return 0;
}

int sniff(int argc, char **argv, struct answer *out)
{
	struct sniffer *slot;

	(void)argc, (void)out;
	if (strcmp(argv[2], "on") == 0)
		return start_sniffer(argv[1], has_word(argc - 3, argv + 3, "mapped"));
	slot = find_sniffer(argv[1]);
	if (!slot)
		return -ENOENT;
	close(slot->fd);
	slot->device[0] = '\0';
	return 0;
}

/* The socket becomes that of a child alone, which holds no queue once this has returned, and ends with the test reader.
 */
static int hand_to_child(int fd)
{
	int closed[2];
	char none;

	if (pipe(closed))
		return -errno;
	pid_t child = fork();

	if (child == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		close_range(0, fd - 1, 0);
		close_range(fd + 1, UINT_MAX, 0);
		for (;;)
			pause();
	}
	int error = child < 0 ? -errno : 0;

	close(closed[1]);
	if (read(closed[0], &none, 1) < 0)
		error = -errno;
	close(closed[0]);
	close(fd);
	return error;
}

/* A TCP socket that accepts nobody, and whose accept queue is full: of a backlog of 0 one connection. */
static int accept_nobody(int port)
{
	struct sockaddr_in here = {.sin_family = AF_INET, .sin_port = htons(port)};
	struct sockaddr_in there = {
		.sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0),
	    client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || client < 0 || bind(fd, (struct sockaddr *)&here, sizeof(here)) || listen(fd, 0) ||
	    connect(client, (struct sockaddr *)&there, sizeof(there)))
		return -errno;
	return 0;
}

/* Until the test reader ends. */
int listen_only(int argc, char **argv, struct answer *out)
{
	struct sockaddr_in here = {.sin_family = AF_INET, .sin_port = htons(atoi(argv[1]))};
	int bytes = atoi(argv[2]);

	(void)out;
	if (has_word(argc - 3, argv + 3, "tcp"))
		return accept_nobody(atoi(argv[1]));
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof(bytes)) ||
	    bind(fd, (struct sockaddr *)&here, sizeof(here)))
		return -errno;
	return has_word(argc - 3, argv + 3, "child") ? hand_to_child(fd) : 0;
}

/* Until the test reader ends. */
int answer_xdp(int argc, char **argv, struct answer *out)
{
	bool is_half = strcmp(argv[2], "half") == 0;
	int answer = is_half || strcmp(argv[2], "drop") == 0 ? XDP_DROP
		     : strcmp(argv[2], "aborted") == 0	     ? XDP_ABORTED
							     : XDP_PASS;
	int link = answer_by_xdp(argv[1], answer, is_half ? XDP_PASS : answer, has_word(argc - 3, argv + 3, "generic"));

	(void)out;
	return link < 0 ? link : 0;
}

/* Until the test reader ends. */
int answer_tcx(int argc, char **argv, struct answer *out)
{
	enum { PASS = 0, DROP = 2 }; /* TCX_PASS, TCX_DROP */
	int answer = strcmp(argv[3], "pass") == 0 ? PASS : DROP;
	int link = answer_by_tcx(argv[1], strcmp(argv[2], "ingress") == 0, answer,
				 strcmp(argv[3], "half") == 0 ? PASS : answer);

	(void)argc, (void)out;
	return link < 0 ? link : 0;
}

/* Until the test reader ends. */
int redirect(int argc, char **argv, struct answer *out)
{
	int link = redirect_by_xdp(argv[1], argv[2]);

	(void)argc, (void)out;
	return link < 0 ? link : 0;
}

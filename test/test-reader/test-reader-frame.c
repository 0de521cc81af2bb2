// SPDX-License-Identifier: Apache-2.0
// The test reader as a guest that makes its own frames, and as a host's service that does not read what it is sent.
#include "test-reader.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* Bytes. HEADERS: as many as any queue has before a frame, of zeros: no offload, and no protocol. */
enum { LONGEST = 9000, HEADERS = 16 };

static int digit(char c)
{
	return c >= 'a' ? c - 'a' + 10 : c - '0';
}

int queue_write_frame(int argc, char **argv, struct answer *out)
{
	static uint8_t frame[LONGEST], headers[HEADERS];
	struct queue *queue = find_queue(argv[1]);
	size_t length = strlen(argv[3]) / 2;
	struct iovec parts[2] = {{headers, 0}, {frame, length}};

	(void)argc;
	if (!queue)
		return -ENOENT;
	if (length > LONGEST || queue->header > HEADERS)
		return -EINVAL;
	for (size_t i = 0; i < length; i++)
		frame[i] = (uint8_t)(digit(argv[3][2 * i]) << 4 | digit(argv[3][2 * i + 1]));
	parts[0].iov_len = queue->header;
	write_frames(queue, parts, strtoull(argv[2], NULL, 10), NULL, 1, out);
	return 0;
}

int bind_udp(int argc, char **argv, struct answer *out)
{
	struct sockaddr_in6 own = {.sin6_family = AF_INET6, .sin6_port = htons((uint16_t)atoi(argv[1]))};
	int bytes = atoi(argv[2]), socket_of_both = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	(void)argc, (void)out;
	if (socket_of_both < 0 || setsockopt(socket_of_both, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof(bytes)) ||
	    bind(socket_of_both, (struct sockaddr *)&own, sizeof(own)))
		return -errno;
	return 0;
}

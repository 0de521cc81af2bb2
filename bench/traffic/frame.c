// SPDX-License-Identifier: Apache-2.0
// The frames that are written and sent: nothing on the host has an answer to them.
#include "traffic.h"

#include <string.h>

enum { ETHERTYPE_EXPERIMENTAL = 0x88b5 };

static void build_ethernet(uint8_t *frame)
{
	static const uint8_t source[6] = {0x02, 0, 0, 0, 0, 0x02};

	memset(frame, 0xff, 6);
	memcpy(frame + 6, source, sizeof(source));
	frame[12] = ETHERTYPE_EXPERIMENTAL >> 8;
	frame[13] = ETHERTYPE_EXPERIMENTAL & 0xff;
}

/* Protocol 253 is for experiments: nothing on the host answers it. */
static void build_ipv4(uint8_t *packet, size_t size)
{
	uint32_t sum = 0;

	packet[0] = 0x45;
	packet[2] = size >> 8;
	packet[3] = size & 0xff;
	packet[8] = 64;
	packet[9] = 253;
	memcpy(packet + 12, "\x0a\x4d\xff\x02", 4);
	memcpy(packet + 16, "\x0a\x4d\xff\x01", 4);
	for (int i = 0; i < 20; i += 2)
		sum += packet[i] << 8 | packet[i + 1];
	sum = (sum & 0xffff) + (sum >> 16);
	sum = ~((sum & 0xffff) + (sum >> 16));
	packet[10] = sum >> 8;
	packet[11] = sum;
}

void make_unicast(uint8_t *frame)
{
	static const uint8_t peer[6] = {0x02, 0, 0, 0, 0, 0x01};

	memcpy(frame, peer, sizeof(peer));
}

void make_ipv4(uint8_t *frame, size_t size)
{
	frame[12] = 0x08;
	frame[13] = 0x00;
	build_ipv4(frame + 14, size - 14);
}

bool build_frame(uint8_t *frame, size_t size, bool ethernet)
{
	if (size < (ethernet ? 14 : 20) || size > 65535)
		return false;
	memset(frame, 0, size);
	if (ethernet)
		build_ethernet(frame);
	else
		build_ipv4(frame, size);
	return true;
}

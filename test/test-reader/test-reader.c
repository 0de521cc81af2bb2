// SPDX-License-Identifier: Apache-2.0
// test reader: holds tun/tap queues and sends packets, as lines on stdin say; one line of JSON with exact counts
// answers each. It does nothing by itself: when stdin ends it exits, and the kernel takes its queues away.
#include "test-reader.h"

#include <sys/resource.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

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

static const struct named_command commands[] = {
	{"open", 3, queue_open, "open ID DEV tun|tap|macvtap [mq] [persist] [vnet] [backpressure] [pi]"},
	{"close", 1, queue_close, "close ID"},
	{"detach", 1, queue_disable, "detach ID"},
	{"attach", 1, queue_enable, "attach ID"},
	{"persist", 2, queue_persist, "persist ID on|off"},
	{"steer", 2, queue_steer, "steer ID on|off: the queue is the sender's queue=N modulo the queues"},
	{"frame", 3, queue_write_frame, "frame ID COUNT HEX: writes these bytes"},
	{"bind", 2, bind_udp, "bind PORT BYTES: a UDP socket that nobody reads, until the test reader ends"},
	{"write", 3, queue_write, "write ID COUNT SIZE [unicast] [badheader] [fault] [noip] [cut=BYTES] [flows=N]"},
	{"sndbuf", 2, queue_sndbuf, "sndbuf ID BYTES: of written packets, until the host lets go of them"},
	{"read", 2, read_some, "read ID COUNT|all"},
	{"readshort", 3, read_short, "readshort ID COUNT BYTES: at most COUNT packets, into a buffer of BYTES"},
	{"readbad", 2, read_bad, "readbad ID COUNT: reads into a buffer that is not there"},
	{"readloop", 2, read_loop,
	 "readloop ID RATE [work=US] [buffer=BYTES]: in the background, packets per second, 0 = all"},
	{"relay", 2, relay_start,
	 "relay ID tcp|unix [drained]: sends on what it reads, to an end that is never read, until the test reader "
	 "ends"},
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
	{"xdp", 2, answer_xdp,
	 "xdp DEV drop|aborted|pass|half [generic]: for all that comes in by DEV, until the test reader ends"},
	{"tcx", 3, answer_tcx, "tcx DEV ingress|egress drop|pass|half: the same of tc, without a qdisc"},
	{"redirect", 2, redirect,
	 "redirect FROM TO: by XDP, what comes in by FROM goes out by TO, until the test reader ends"},
	{"stream", 4, stream_start,
	 "stream ID DEV RATE SIZE [lump=N] [queue=N] [queues=N] [unicast] [ipv4] [ahead=SECONDS]: in the background"},
	{"unstream", 1, stream_stop, "unstream ID: ends stream"},
	{"filter", 2, queue_filter,
	 "filter ID none|all|address|passing: which frames the device drops; passing: a socket filter that drops none"},
	{"link", 2, link_set, "link DEV up|down"},
	{"length", 2, link_length, "length DEV PACKETS: txqueuelen"},
	{"running", 1, link_running, "running DEV: waits until its qdisc sends"},
	{"frames", 2, send_frames, "frames DEV COUNT [queue=N]: Ethernet, by a socket that stays open"},
	{"forge", 2, forge,
	 "forge PID SECONDS: answers of rtnetlink, to the socket of another process in this namespace"},
	{"sniff", 2, sniff,
	 "sniff DEV on|off [mapped]: a packet socket that is never read; mapped: with a ring, as tcpdump has"},
	{"listen", 2, listen_only,
	 "listen PORT BYTES [child|tcp]: a UDP socket with so large a buffer, which is never read; tcp: one whose "
	 "accept "
	 "queue is full"},
	{"sleep", 1, pause_here, "sleep MILLISECONDS"},
	{"quit", 0, quit, "quit"},
};

/* Before Linux 5.11 the memory of BPF programs counts as locked memory. */
static void allow_locked_memory(void)
{
	struct rlimit unlimited = {RLIM_INFINITY, RLIM_INFINITY};

	setrlimit(RLIMIT_MEMLOCK, &unlimited);
}

int main(void)
{
	allow_descriptors();
	allow_locked_memory();
	return serve_commands("test-reader", commands, sizeof(commands) / sizeof(commands[0]));
}

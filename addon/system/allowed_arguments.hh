// SPDX-License-Identifier: Apache-2.0
// With which arguments a process of the agent may make the system calls that have a condition (confinement.cc).
#pragma once

#include <fcntl.h>
#include <linux/perf_event.h>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>

#include <array>
#include <cstdint>
#include <utility>

namespace allowed
{

/** What goes over sockets, by which argument has the flags. */
constexpr auto TRANSFERS = std::to_array<std::pair<const char *, unsigned>>({
	{"sendto", 3},
	{"sendmsg", 2},
	{"sendmmsg", 3},
	{"recvfrom", 3},
	{"recvmsg", 2},
	{"recvmmsg", 3},
});

/**
 * MSG_FASTOPEN would connect a socket whose client has gone to another host; MSG_OOB between unix sockets is code of
 * the kernel that nobody needs, and that once let a sandbox be left (CVE-2025-38236).
 */
constexpr uint64_t REFUSED_FLAGS = static_cast<uint64_t>(MSG_FASTOPEN) | MSG_OOB;

/** clone(2) of the process that counts: a thread; no namespaces, also for a child. */
constexpr uint64_t NAMESPACES = static_cast<uint32_t>(CLONE_NEWNS) | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC |
				CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNET;
constexpr uint64_t THREAD_FLAGS = CLONE_THREAD;

/** fcntl(2): no owner of input and no signal for it (F_SETOWN, F_SETSIG reach other processes), no locks of files that
 * others wait for. */
constexpr auto FCNTL_COMMANDS = std::to_array<uint64_t>({
	F_DUPFD,
	F_DUPFD_CLOEXEC,
	F_GETFD,
	F_SETFD,
	F_GETFL,
	F_SETFL,
	F_GETPIPE_SZ,
	F_SETPIPE_SZ,
	F_GETOWN,
});

/** TCGETS2 of asm-generic/ioctls.h, which cannot be included beside sys/ioctl.h; isatty() of newer C libraries. */
constexpr uint64_t TCGETS2_REQUEST = 0x802C542A;

/** ioctl(2): what Node asks of any descriptor, and the C library of an interface's name. */
constexpr auto IOCTL_REQUESTS = std::to_array<uint64_t>({
	FIONBIO,
	FIOCLEX,
	FIONCLEX,
	FIONREAD,
	TCGETS,
	TCGETS2_REQUEST,
	TIOCGWINSZ,
	TIOCOUTQ,
	SIOCGIFNAME,
	SIOCGIFINDEX,
	SIOCOUTQNSD,
});

/** ioctl(2) of the process that counts: BPF programs at perf events. */
constexpr auto PERF_REQUESTS =
	std::to_array<uint64_t>({PERF_EVENT_IOC_ENABLE, PERF_EVENT_IOC_DISABLE, PERF_EVENT_IOC_RESET,
				 PERF_EVENT_IOC_SET_BPF, PERF_EVENT_IOC_ID});

#ifndef PR_SET_VMA
#define PR_SET_VMA 0x53564d41
#endif

/** prctl(2): names of threads and of memory, and questions. */
constexpr auto PRCTL_OPTIONS = std::to_array<uint64_t>({
	PR_SET_NAME,
	PR_GET_NAME,
	PR_SET_VMA,
	PR_GET_DUMPABLE,
	PR_GET_NO_NEW_PRIVS,
	PR_GET_SECCOMP,
	PR_CAPBSET_READ,
	PR_SET_TIMERSLACK,
	PR_GET_TIMERSLACK,
	PR_SET_THP_DISABLE,
	PR_GET_THP_DISABLE,
});

/** prctl(2) by which a process gives something up. */
constexpr auto GIVING_UP = std::to_array<uint64_t>(
	{PR_SET_NO_NEW_PRIVS, PR_SET_DUMPABLE, PR_SET_PDEATHSIG, PR_CAPBSET_DROP, PR_CAP_AMBIENT, PR_SET_SECCOMP});

/** getsockopt(2) at SOL_SOCKET: what a socket is, and who is at its other end; no SO_PEERPIDFD, a handle of that
 * process. */
constexpr auto SOCKET_QUESTIONS = std::to_array<uint64_t>({
	SO_TYPE,
	SO_ERROR,
	SO_DOMAIN,
	SO_PROTOCOL,
	SO_ACCEPTCONN,
	SO_PEERCRED,
	SO_PEERGROUPS,
	SO_RCVBUF,
	SO_SNDBUF,
});

/** setsockopt(2) of clients' connections, and of the C library that looks up a name; no filters, no protocols. */
constexpr auto SOCKET_OPTIONS = std::to_array<std::pair<uint64_t, uint64_t>>({
	{SOL_SOCKET, SO_KEEPALIVE},
	{SOL_SOCKET, SO_LINGER},
	{SOL_SOCKET, SO_REUSEADDR},
	{SOL_SOCKET, SO_RCVBUF},
	{SOL_SOCKET, SO_SNDBUF},
	{IPPROTO_TCP, TCP_NODELAY},
	{IPPROTO_TCP, TCP_KEEPIDLE},
	{IPPROTO_TCP, TCP_KEEPINTVL},
	{IPPROTO_TCP, TCP_KEEPCNT},
	{IPPROTO_TCP, TCP_USER_TIMEOUT},
	{IPPROTO_IP, IP_RECVERR},
	{IPPROTO_IPV6, IPV6_RECVERR},
	{IPPROTO_IPV6, IPV6_V6ONLY},
});

} // namespace allowed

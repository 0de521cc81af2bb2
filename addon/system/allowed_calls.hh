// SPDX-License-Identifier: Apache-2.0
// The system calls that each process of the agent may make, in groups, each with its reason. What is not here is
// refused (confinement.cc). The model is systemd's @system-service, less what Node.js and the C library do not call. Be
// generous with what reaches nothing outside of the process: Node.js and the C library change with each version.
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

/** Names that this libseccomp does not know are left out. */
using Name = const char *;

/**
 * Memory of this process: V8 makes code, moves it and protects it. mmap() has a condition. No memfd_create(): the kernel
 * finds no process by which to free such memory.
 */
constexpr auto MEMORY = std::to_array<Name>({
	"brk",		 "munmap",	  "mremap",	"mprotect",	    "madvise",
	"msync",	 "mincore",	  "mlock",	"mlock2",	    "mlockall",	     "munlock",
	"munlockall",	 "membarrier",	  "pkey_alloc", "pkey_free",	    "pkey_mprotect",
	"get_mempolicy", "set_mempolicy", "mseal",	"map_shadow_stack",
});

/** Its threads. clone() itself has a condition. */
constexpr auto THREADS = std::to_array<Name>({
	"futex",
	"futex_waitv",
	"futex_wait",
	"futex_wake",
	"futex_requeue",
	"set_robust_list",
	"get_robust_list",
	"rseq",
	"set_tid_address",
	"gettid",
	"arch_prctl",
	"set_thread_area",
	"get_thread_area",
	"sched_yield",
	"sched_getaffinity",
	"sched_getparam",
	"sched_getscheduler",
	"sched_get_priority_max",
	"sched_get_priority_min",
	"sched_getattr",
	"getpriority",
	"getcpu",
});

/** Its end, and signals that reach this process. Those that are sent have a condition. */
constexpr auto LIFE = std::to_array<Name>({
	"exit",
	"exit_group",
	"restart_syscall",
	"rt_sigaction",
	"rt_sigprocmask",
	"rt_sigreturn",
	"rt_sigpending",
	"rt_sigsuspend",
	"rt_sigtimedwait",
	"sigaltstack",
	"signalfd",
	"signalfd4",
	"pause",
});

/** Clocks, read. */
constexpr auto TIME = std::to_array<Name>({
	"clock_gettime",  "clock_getres",    "clock_nanosleep", "nanosleep",	    "gettimeofday",
	"time",		  "times",	     "getitimer",	"setitimer",	    "alarm",
	"timer_create",	  "timer_settime",   "timer_gettime",	"timer_getoverrun", "timer_delete",
	"timerfd_create", "timerfd_settime", "timerfd_gettime", "getrusage",
});

/** The event loop. */
constexpr auto LOOP = std::to_array<Name>({
	"epoll_create",
	"epoll_create1",
	"epoll_ctl",
	"epoll_wait",
	"epoll_pwait",
	"epoll_pwait2",
	"eventfd",
	"eventfd2",
	"poll",
	"ppoll",
	"select",
	"pselect6",
	"pipe",
	"pipe2",
	"dup",
});

/** Descriptors that it has. fcntl() and ioctl(): FCNTL_COMMANDS, IOCTL_REQUESTS. */
constexpr auto DESCRIPTORS = std::to_array<Name>({
	"read",	     "readv",	 "pread64",   "preadv",		 "preadv2", "write",
	"writev",    "pwrite64", "pwritev",   "pwritev2",	 "close",   "close_range",
	"dup2",	     "dup3",	 "lseek",     "sendfile",	 "splice",  "readahead",
	"fadvise64", "fsync",	 "fdatasync", "sync_file_range",
});

/** Files: whether they are there, what they are, and what is in folders. open() and openat() have a condition. */
constexpr auto FILES = std::to_array<Name>({
	"stat",
	"lstat",
	"fstat",
	"newfstatat",
	"statx",
	"statfs",
	"fstatfs",
	"access",
	"faccessat",
	"faccessat2",
	"readlink",
	"readlinkat",
	"getdents",
	"getdents64",
	"getcwd",
	"chdir",
	"fchdir",
	"umask",
});

/** What it is and where it runs, and random bytes. */
constexpr auto SELF = std::to_array<Name>({
	"getpid",    "getppid",	  "getuid",  "geteuid",	   "getgid",	"getegid", "getresuid",
	"getresgid", "getgroups", "getpgrp", "getpgid",	   "getsid",	"uname",   "sysinfo",
	"getrandom", "getrlimit", "capget",  "ioprio_get", "cachestat",
});

/**
 * Sockets that it has: clients, the other process, the log; Node calls listen() again on those that it was handed.
 */
constexpr auto SOCKETS = std::to_array<Name>({
	"accept",
	"accept4",
	"listen",
	"shutdown",
	"getsockname",
	"getpeername",
});

/** What goes over them, by which argument has the flags. */
constexpr auto TRANSFERS = std::to_array<std::pair<Name, unsigned>>({
	{"sendto", 3},
	{"sendmsg", 2},
	{"sendmmsg", 3},
	{"recvfrom", 3},
	{"recvmsg", 2},
	{"recvmmsg", 3},
});

/**
 * MSG_FASTOPEN would connect a socket whose client has gone to another host; MSG_OOB between unix sockets is code of the
 * kernel that nobody needs, and that once let a sandbox be left (CVE-2025-38236).
 */
constexpr uint64_t REFUSED_FLAGS = static_cast<uint64_t>(MSG_FASTOPEN) | MSG_OOB;

/** What the process that counts does besides: it counts with BPF, in each network namespace. */
constexpr auto MEASURING = std::to_array<Name>({"bpf", "perf_event_open", "setns"});

/** Its lock and its unix socket, of which it sets owner and mode, and removes what a killed agent left; pins of --pin.
 */
constexpr auto OWN_FILES = std::to_array<Name>({
	"creat",
	"unlink",
	"unlinkat",
	"mkdir",
	"mkdirat",
	"rmdir",
	"chmod",
	"fchmod",
	"fchmodat",
	"fchmodat2",
	"chown",
	"fchown",
	"lchown",
	"fchownat",
	"flock",
	"ftruncate",
	"fallocate",
});

/** Sockets that it makes: unix and rtnetlink (socket() has a condition). The options: libmnl's are many. */
constexpr auto OWN_SOCKETS = std::to_array<Name>({"connect", "bind", "setsockopt", "getsockopt"});

/** The end of the process that serves. kill() of another user's process says whether it lives, too. */
constexpr auto OTHER_PROCESS = std::to_array<Name>({"wait4", "waitid", "kill"});

/** Started by hand it starts the process that serves, which inherits the list: what that needs until it has its own. */
constexpr auto STARTING = std::to_array<Name>({
	"execve",
	"vfork",
	"fork",
	"setsid",
	"setuid",
	"setgid",
	"setreuid",
	"setregid",
	"setresuid",
	"setresgid",
	"setfsuid",
	"setfsgid",
	"setgroups",
	"capset",
	"seccomp",
	"landlock_create_ruleset",
	"landlock_add_rule",
	"landlock_restrict_self",
});

/** glibc and libuv fall back on older calls, whose arguments a filter can read. */
constexpr auto ABSENT = std::to_array<Name>({"clone3", "openat2"});

/** clone(2) of the process that counts: a thread; no namespaces, also for a child. */
constexpr uint64_t NAMESPACES = static_cast<uint32_t>(CLONE_NEWNS) | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC |
				CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNET;
constexpr uint64_t THREAD_FLAGS = CLONE_THREAD;

/** fcntl(2): no owner of input and no signal for it (F_SETOWN, F_SETSIG reach other processes), no locks of files that others wait for. */
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

/** getsockopt(2) at SOL_SOCKET: what a socket is, and who is at its other end; no SO_PEERPIDFD, a handle of that process. */
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

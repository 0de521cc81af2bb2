// SPDX-License-Identifier: Apache-2.0
// The system calls that each process of the agent may make, in groups, each with its reason. What is not here is
// refused (confinement.cc). The model is systemd's @system-service, less what Node.js and the C library do not call. Be
// generous with what reaches nothing outside of the process: Node.js and the C library change with each version.
#pragma once

#include <array>

namespace allowed
{

/** Names that this libseccomp does not know are left out. */
using Name = const char *;

/**
 * Memory of this process: V8 makes code, moves it and protects it. mmap() has a condition. No memfd_create(): the
 * kernel finds no process by which to free such memory.
 */
constexpr auto MEMORY = std::to_array<Name>({
	"brk",		 "munmap",	  "mremap",	   "mprotect",	 "madvise",
	"msync",	 "mincore",	  "mlock",	   "mlock2",	 "mlockall",
	"munlock",	 "munlockall",	  "membarrier",	   "pkey_alloc", "pkey_free",
	"pkey_mprotect", "get_mempolicy", "set_mempolicy", "mseal",	 "map_shadow_stack",
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

/** What the process that counts does besides: it counts with BPF, in each network namespace. */
constexpr auto MEASURING = std::to_array<Name>({"bpf", "perf_event_open", "setns"});

/** Its lock and its unix socket, of which it sets owner and mode, and removes what a killed agent left; pins of --pin.
 */
constexpr auto OWN_FILES = std::to_array<Name>({
	"creat", "unlink", "unlinkat", "mkdir", "mkdirat", "rmdir", "chmod", "fchmod", "fchmodat", "fchmodat2", "chown",
	"fchown", "lchown", "fchownat", "flock", "ftruncate", "fallocate",
	"memfd_create", // the types of an older kernel, for libbpf
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

} // namespace allowed

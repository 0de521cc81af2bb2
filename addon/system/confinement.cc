// SPDX-License-Identifier: Apache-2.0
#include "system/confinement.hh"

#include "error.hh"

#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <sched.h>
#include <seccomp.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <memory>
#include <type_traits>
#include <vector>

namespace
{

/*
 * Refused with any arguments. Names that this libseccomp or this machine does not know are left out.
 */

/** The kernel's inside, other processes and their memory, mounts, clocks, keys, names of files. */
constexpr std::array REFUSED_TO_BOTH = {
	"ptrace",
	"process_vm_readv",
	"process_vm_writev",
	"kcmp",
	"pidfd_getfd",
	"pidfd_send_signal",
	"process_madvise",
	"userfaultfd",
	"io_uring_setup",
	"io_uring_register",
	"init_module",
	"finit_module",
	"delete_module",
	"kexec_load",
	"kexec_file_load",
	"reboot",
	"syslog",
	"acct",
	"lookup_dcookie",
	"swapon",
	"swapoff",
	"quotactl",
	"quotactl_fd",
	"settimeofday",
	"clock_settime",
	"clock_adjtime",
	"adjtimex",
	"sethostname",
	"setdomainname",
	"add_key",
	"request_key",
	"keyctl",
	"personality",
	"modify_ldt",
	"unshare",
	"mount",
	"umount2",
	"pivot_root",
	"chroot",
	"fsopen",
	"fsconfig",
	"fsmount",
	"fspick",
	"move_mount",
	"open_tree",
	"mount_setattr",
	"rename",
	"renameat",
	"renameat2",
	"link",
	"linkat",
	"symlink",
	"symlinkat",
	"mknod",
	"mknodat",
	"truncate",
	"setxattr",
	"lsetxattr",
	"fsetxattr",
	"removexattr",
	"lremovexattr",
	"fremovexattr",
	"open_by_handle_at",
	"name_to_handle_at",
	"fanotify_init",
	"shmget",
	"msgget",
	"semget",
	"mq_open",
};

/** Other programs and users. */
constexpr std::array REFUSED_WITHOUT_CHILDREN = {
	"execve",    "execveat",  "fork",     "vfork",	  "setuid",    "setgid", "setreuid",   "setregid",
	"setresuid", "setresgid", "setfsuid", "setfsgid", "setgroups", "capset", "pidfd_open",
};

/** BPF, namespaces, limits, watches and attributes of files, and files but for reading them. */
constexpr std::array REFUSED_TO_SERVING = {
	"setrlimit",  "inotify_init", "inotify_init1", "inotify_add_watch",
	"getxattr",   "lgetxattr",    "fgetxattr",     "listxattr",
	"llistxattr", "flistxattr",   "bpf",	       "perf_event_open",
	"setns",      "creat",	      "unlink",	       "unlinkat",
	"mkdir",      "mkdirat",      "rmdir",	       "chmod",
	"fchmod",     "fchmodat",     "fchmodat2",     "chown",
	"lchown",     "fchown",	      "fchownat",      "utime",
	"utimes",     "utimensat",    "futimesat",
};

/** The part of an argument that is an int. */
constexpr uint64_t INT_BITS = 0xFFFFFFFF;

/** A ring that was made before the filter bypasses it with this call alone. */
constexpr const char *RING = "io_uring_enter";

/**
 * System calls since Linux 6.8 (457 is statmount), in the numbering that all architectures share: what will be there
 * one day, this filter cannot know. The C library falls back on older ones where it gets ENOSYS.
 */
constexpr int FIRST_UNKNOWN = 457;
constexpr int LAST_UNKNOWN = 703;

/** Their arguments lie in memory, where a filter cannot look: the C library takes the older calls, which are looked at.
 */
constexpr std::array ABSENT = {"openat2"};

using Filter = std::unique_ptr<std::remove_pointer_t<scmp_filter_ctx>, decltype(&seccomp_release)>;

class FilterMaker
{
public:
	FilterMaker() : filter_(seccomp_init(SCMP_ACT_ALLOW), seccomp_release)
	{
		if (!filter_)
			error_ = -ENOMEM;
	}

	template <typename... Comparisons>
	void refuse(const char *name, int error, Comparisons... comparisons)
	{
		const int number = seccomp_syscall_resolve_name(name);
		if (number != __NR_SCMP_ERROR)
			refuseNumber(number, error, comparisons...);
	}

	template <typename... Comparisons>
	void refuseNumber(int number, int error, Comparisons... comparisons)
	{
		if (error_ != 0)
			return;
		const std::vector<scmp_arg_cmp> all{comparisons...};
		error_ = seccomp_rule_add_array(filter_.get(), SCMP_ACT_ERRNO(error), number,
						static_cast<unsigned>(all.size()), all.data());
	}

	/** 0, or a negative errno. For all threads. */
	int load()
	{
		if (error_ == 0)
			error_ = seccomp_attr_set(filter_.get(), SCMP_FLTATR_CTL_TSYNC, 1);
		return error_ == 0 ? seccomp_load(filter_.get()) : error_;
	}

private:
	Filter filter_;
	int error_ = 0;
};

template <typename Names>
void refuseAll(FilterMaker &maker, const Names &names)
{
	for (const char *name : names)
		maker.refuse(name, EPERM);
}

/** Threads, but no processes, and no other user. */
void refuseChildren(FilterMaker &maker)
{
	refuseAll(maker, REFUSED_WITHOUT_CHILDREN);
	maker.refuse("clone3", ENOSYS);
	maker.refuse("clone", EPERM, SCMP_A0(SCMP_CMP_MASKED_EQ, CLONE_THREAD, 0));
}

/** But AF_UNIX and rtnetlink, by which the C library lists addresses too; `hasNetwork`: and AF_INET, AF_INET6. */
void refuseSockets(FilterMaker &maker, bool hasNetwork)
{
	for (int family = AF_UNIX + 1; family < AF_NETLINK; family++)
		if (!hasNetwork || (family != AF_INET && family != AF_INET6))
			maker.refuse("socket", EAFNOSUPPORT, SCMP_A0(SCMP_CMP_EQ, static_cast<uint64_t>(family)));
	maker.refuse("socket", EAFNOSUPPORT, SCMP_A0(SCMP_CMP_GT, AF_NETLINK));
	maker.refuse("socket", EAFNOSUPPORT, SCMP_A0(SCMP_CMP_EQ, AF_NETLINK), SCMP_A2(SCMP_CMP_NE, 0));
}

/** What reaches other processes and terminals by an argument. The kernel looks at the low half of these. */
void refuseReaching(FilterMaker &maker)
{
	for (const uint64_t command : {F_SETOWN, F_SETOWN_EX, F_SETSIG})
		maker.refuse("fcntl", EPERM, SCMP_A1(SCMP_CMP_MASKED_EQ, INT_BITS, command));
	for (const uint64_t request : {TIOCSTI, TIOCLINUX})
		maker.refuse("ioctl", EPERM, SCMP_A1(SCMP_CMP_MASKED_EQ, INT_BITS, request));
	maker.refuse("prctl", EPERM, SCMP_A0(SCMP_CMP_MASKED_EQ, INT_BITS, PR_SET_PDEATHSIG));
	maker.refuse("prlimit64", EPERM, SCMP_A2(SCMP_CMP_NE, 0));
	maker.refuse("socketpair", EAFNOSUPPORT, SCMP_A0(SCMP_CMP_NE, AF_UNIX));
}

int loadFilter()
{
	FilterMaker maker;
	refuseAll(maker, REFUSED_TO_BOTH);
	refuseAll(maker, REFUSED_TO_SERVING);
	maker.refuse(RING, EPERM);
	refuseChildren(maker);
	for (const char *name : ABSENT)
		maker.refuse(name, ENOSYS);
	for (int number = FIRST_UNKNOWN; number <= LAST_UNKNOWN; number++)
		maker.refuseNumber(number, ENOSYS);
	refuseReaching(maker);
	// 3: for ioctl() alone, and as much as both.
	for (const uint64_t flag : {O_WRONLY, O_RDWR, O_ACCMODE}) {
		maker.refuse("open", EPERM, SCMP_A1(SCMP_CMP_MASKED_EQ, O_ACCMODE, flag));
		maker.refuse("openat", EPERM, SCMP_A2(SCMP_CMP_MASKED_EQ, O_ACCMODE, flag));
	}
	for (const uint64_t flag : {O_CREAT, O_TRUNC}) {
		maker.refuse("open", EPERM, SCMP_A1(SCMP_CMP_MASKED_EQ, flag, flag));
		maker.refuse("openat", EPERM, SCMP_A2(SCMP_CMP_MASKED_EQ, flag, flag));
	}
	const auto self = static_cast<uint64_t>(getpid());
	for (const char *name : {"kill", "tkill", "tgkill", "rt_sigqueueinfo", "rt_tgsigqueueinfo"})
		maker.refuse(name, EPERM, SCMP_A0(SCMP_CMP_NE, self));
	refuseSockets(maker, true);
	return maker.load();
}

/** Drops the capabilities of this thread; where this process is not root, no thread has any. */
int dropCapabilities()
{
	__user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
	const std::array<__user_cap_data_struct, _LINUX_CAPABILITY_U32S_3> none = {};
	return syscall(SYS_capset, &header, none.data()) == 0 ? 0 : errno;
}

int becomeUser(uid_t uid, gid_t gid)
{
	// The C library sets the user of every thread, and with it the kernel takes away their capabilities.
	return setgroups(0, nullptr) == 0 && setresgid(gid, gid, gid) == 0 && setresuid(uid, uid, uid) == 0 ? 0 : errno;
}

} // namespace

void confine(const Napi::CallbackInfo &info)
{
	const Napi::Env env = info.Env();
	if (info[0].IsObject()) {
		const auto user = info[0].As<Napi::Object>();
		const uint32_t uid = user.Get("uid").As<Napi::Number>();
		const uint32_t gid = user.Get("gid").As<Napi::Number>();
		if (const int error = becomeUser(uid, gid))
			throw systemError(env, error, "become", "user " + std::to_string(uid));
	}
	if (const int error = dropCapabilities())
		throw systemError(env, error, "drop", "capabilities");
	// Other processes of this user can neither read its memory nor stop it in a debugger.
	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0 || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
		throw systemError(env, errno, "confine", "the process");
	// Stopped, it would keep port and socket when the process that started it ends.
	if (info[1].IsNumber()) {
		const pid_t parent = info[1].As<Napi::Number>().Int32Value();
		if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) != 0 || getppid() != parent)
			throw systemError(env, ESRCH, "find", "the process that counts");
	}
	if (const int error = loadFilter())
		throw systemError(env, error, "load", "the filter of system calls");
}

void refuseUnused(const Napi::CallbackInfo &info)
{
	const Napi::Env env = info.Env();
	const bool startsProcesses = info[0].As<Napi::Boolean>();
	const bool hasRing = info[1].As<Napi::Boolean>();
	FilterMaker maker;
	refuseAll(maker, REFUSED_TO_BOTH);
	if (!hasRing)
		maker.refuse(RING, EPERM);
	// The process that it starts gets this filter too, and needs a port.
	refuseSockets(maker, startsProcesses);
	if (!startsProcesses)
		refuseChildren(maker);
	if (const int error = maker.load())
		throw systemError(env, error, "load", "the filter of system calls");
}

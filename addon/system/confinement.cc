// SPDX-License-Identifier: Apache-2.0
#include "system/confinement.hh"

#include "error.hh"
#include "system/allowed_arguments.hh"
#include "system/allowed_calls.hh"

#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <linux/netlink.h>
#include <seccomp.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <memory>
#include <type_traits>
#include <utility>
#include <vector>

namespace
{

/** The part of an argument that is an int. */
constexpr uint64_t INT_BITS = 0xFFFFFFFF;

/** A ring that was made before the filter goes on with this call alone. */
constexpr const char *RING = "io_uring_enter";

/** System calls have numbers below this, now and for long. */
constexpr int NUMBERS = 1024;

scmp_arg_cmp isInt(unsigned argument, uint64_t value)
{
	return SCMP_CMP(argument, SCMP_CMP_MASKED_EQ, INT_BITS, value & INT_BITS);
}

using Filter = std::unique_ptr<std::remove_pointer_t<scmp_filter_ctx>, decltype(&seccomp_release)>;

/** A list of what is allowed. Other calls get EPERM; ENOSYS where the C library goes on with an older call by that
 * alone. */
class AllowList
{
public:
	AllowList() : filter_(seccomp_init(SCMP_ACT_ERRNO(EPERM)), seccomp_release)
	{
		if (!filter_) {
			error_ = -ENOMEM;
			return;
		}
		// Calls of another numbering (32 bits, x32) are not there.
		note(seccomp_attr_set(filter_.get(), SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_ERRNO(ENOSYS)));
		// A tree instead of a chain: tens of instructions a call, not hundreds.
		note(seccomp_attr_set(filter_.get(), SCMP_FLTATR_CTL_OPTIMIZE, 2));
		note(seccomp_attr_set(filter_.get(), SCMP_FLTATR_CTL_TSYNC, 1));
		for (const char *name : allowed::ABSENT)
			add(SCMP_ACT_ERRNO(ENOSYS), seccomp_syscall_resolve_name(name));
		for (int number = 0; number < NUMBERS; number++) {
			char *const name = seccomp_syscall_resolve_num_arch(SCMP_ARCH_NATIVE, number);
			if (name == nullptr)
				add(SCMP_ACT_ERRNO(ENOSYS), number);
			free(name);
		}
	}

	/** One call, where all comparisons hold. */
	template <typename... Comparisons>
	void allow(const char *name, Comparisons... comparisons)
	{
		const int number = seccomp_syscall_resolve_name(name);
		if (number != __NR_SCMP_ERROR)
			add(SCMP_ACT_ALLOW, number, comparisons...);
	}

	template <typename Names>
	void allowAll(const Names &names)
	{
		for (const char *name : names)
			allow(name);
	}

	/** One call, where this argument is one of these ints. */
	template <typename Values>
	void allowInts(const char *name, unsigned argument, const Values &values)
	{
		for (const uint64_t value : values)
			allow(name, isInt(argument, value));
	}

	/** 0, or a negative errno. For all threads. */
	int load() { return error_ == 0 ? seccomp_load(filter_.get()) : error_; }

private:
	template <typename... Comparisons>
	void add(uint32_t action, int number, Comparisons... comparisons)
	{
		const std::vector<scmp_arg_cmp> all{comparisons...};
		if (error_ == 0)
			note(seccomp_rule_add_array(filter_.get(), action, number, static_cast<unsigned>(all.size()),
						    all.data()));
	}

	void note(int error)
	{
		if (error_ == 0)
			error_ = error;
	}

	Filter filter_;
	int error_ = 0;
};

/** What Node.js and the C library call in both processes. */
void allowBoth(AllowList &list)
{
	list.allowAll(allowed::MEMORY);
	list.allowAll(allowed::THREADS);
	list.allowAll(allowed::LIFE);
	list.allowAll(allowed::TIME);
	list.allowAll(allowed::LOOP);
	list.allowAll(allowed::DESCRIPTORS);
	list.allowAll(allowed::FILES);
	list.allowAll(allowed::SELF);
	list.allowAll(allowed::SOCKETS);
	list.allowInts("fcntl", 1, allowed::FCNTL_COMMANDS);
	list.allowInts("ioctl", 1, allowed::IOCTL_REQUESTS);
	list.allowInts("prctl", 0, allowed::PRCTL_OPTIONS);
}

int loadServing(bool connects)
{
	AllowList list;
	allowBoth(list);
	// No clone(): it has all its threads, and a thousand more would take the CPU from the process that counts.
	// Memory that is shared and in no file outlasts its mapping, and no limit of a process counts it.
	list.allow("mmap", SCMP_A3(SCMP_CMP_MASKED_EQ, MAP_ANONYMOUS, 0));
	list.allow("mmap", SCMP_A3(SCMP_CMP_MASKED_EQ, MAP_TYPE, MAP_PRIVATE));
	// Files are read. 3 is a mode too: for ioctl() alone, and as much as both others.
	constexpr uint64_t WRITES = O_ACCMODE | O_CREAT | O_TRUNC;
	list.allow("open", SCMP_A1(SCMP_CMP_MASKED_EQ, WRITES, O_RDONLY));
	list.allow("openat", SCMP_A2(SCMP_CMP_MASKED_EQ, WRITES, O_RDONLY));
	// Its own limits, and none is set.
	list.allow("prlimit64", isInt(0, 0), SCMP_A2(SCMP_CMP_EQ, 0));
	const auto self = static_cast<uint64_t>(getpid());
	for (const char *name : {"kill", "tgkill", "rt_sigqueueinfo", "rt_tgsigqueueinfo"})
		list.allow(name, isInt(0, self));
	for (const auto &[name, flags] : allowed::TRANSFERS)
		list.allow(name, SCMP_CMP(flags, SCMP_CMP_MASKED_EQ, allowed::REFUSED_FLAGS, 0));
	for (const uint64_t question : allowed::SOCKET_QUESTIONS)
		list.allow("getsockopt", isInt(1, SOL_SOCKET), isInt(2, question));
	for (const auto &[level, option] : allowed::SOCKET_OPTIONS)
		list.allow("setsockopt", isInt(1, level), isInt(2, option));
	if (connects) {
		// The C library goes on without rtnetlink and nscd's unix socket.
		constexpr uint64_t KIND = INT_BITS & ~static_cast<uint64_t>(SOCK_NONBLOCK | SOCK_CLOEXEC);
		for (const uint64_t family : {AF_INET, AF_INET6})
			for (const uint64_t kind : {SOCK_STREAM, SOCK_DGRAM})
				list.allow("socket", isInt(0, family), SCMP_A1(SCMP_CMP_MASKED_EQ, KIND, kind),
					   isInt(2, 0));
		list.allow("connect");
	}
	return list.load();
}

int loadCounting(bool startsProcesses, bool hasRing)
{
	AllowList list;
	allowBoth(list);
	list.allowAll(allowed::MEASURING);
	list.allowAll(allowed::OWN_FILES);
	list.allowAll(allowed::OWN_SOCKETS);
	list.allowAll(allowed::OTHER_PROCESS);
	for (const char *name : {"open", "openat", "mmap"})
		list.allow(name);
	for (const auto &[name, flags] : allowed::TRANSFERS)
		list.allow(name);
	list.allow("clone",
		   SCMP_A0(SCMP_CMP_MASKED_EQ, allowed::NAMESPACES | allowed::THREAD_FLAGS, allowed::THREAD_FLAGS));
	list.allow("socketpair", isInt(0, AF_UNIX));
	list.allow("tgkill", isInt(0, static_cast<uint64_t>(getpid())));
	list.allow("prlimit64", isInt(0, 0));
	list.allowInts("ioctl", 1, allowed::PERF_REQUESTS);
	list.allowInts("prctl", 0, allowed::GIVING_UP);
	if (hasRing)
		list.allow(RING);
	list.allow("socket", isInt(0, AF_UNIX));
	list.allow("socket", isInt(0, AF_NETLINK), isInt(2, NETLINK_ROUTE));
	if (startsProcesses) {
		list.allowAll(allowed::STARTING);
		list.allow("clone", SCMP_A0(SCMP_CMP_MASKED_EQ, allowed::NAMESPACES, 0));
		for (const char *name : {"kill", "tgkill"})
			list.allow(name);
		for (const uint64_t family : {AF_INET, AF_INET6})
			list.allow("socket", isInt(0, family));
	}
	return list.load();
}

/** What the process that serves may take of the host: many times what it needs for thousands of queues. */
constexpr auto LIMITS = std::to_array<std::pair<int, rlim_t>>({
	{RLIMIT_DATA, 1UL << 30},
	// Each socket and pipe holds memory of the kernel.
	{RLIMIT_NOFILE, 4096},
	{RLIMIT_CORE, 0},
});

/** 0 or an errno. What is lower already stays. */
int limitResources()
{
	for (const auto &[resource, most] : LIMITS) {
		rlimit now{};
		if (getrlimit(resource, &now) != 0)
			return errno;
		const rlimit lower = {std::min(now.rlim_cur, most), std::min(now.rlim_max, most)};
		if (setrlimit(resource, &lower) != 0)
			return errno;
	}
	return 0;
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
	if (const int error = limitResources())
		throw systemError(env, error, "limit", "the process");
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
	if (const int error = loadServing(info[2].ToBoolean()))
		throw systemError(env, error, "load", "the filter of system calls");
}

void refuseUnused(const Napi::CallbackInfo &info)
{
	const Napi::Env env = info.Env();
	const bool startsProcesses = info[0].As<Napi::Boolean>();
	const bool hasRing = info[1].As<Napi::Boolean>();
	if (const int error = loadCounting(startsProcesses, hasRing))
		throw systemError(env, error, "load", "the filter of system calls");
}

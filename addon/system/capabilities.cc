// SPDX-License-Identifier: Apache-2.0
#include "system/capabilities.hh"

#include "error.hh"

#include <linux/capability.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <set>
#include <thread>

namespace
{

/*
 * The kernel keeps capabilities per thread, and a thread can change its own only. The C library has a signal by which
 * setuid() reaches all threads (nptl(7)); no thread can block it. This file takes that signal for a moment.
 */
constexpr int SIGNAL_OF_SETUID = 33;

/** The bits of a set. */
constexpr unsigned long CAPABILITIES = 64;

constexpr auto EACH_WITHIN = std::chrono::seconds(5);
constexpr auto LOOK_EVERY = std::chrono::microseconds(100);

/** The argument of rt_sigaction(2): the C library's sigaction() refuses this signal. */
struct KernelAction {
	void (*handler)(int);
	unsigned long flags;
	void (*restorer)();
	uint64_t mask;
};

// Written by the thread that asks, read in the handler.
std::atomic<uint64_t> kept = 0;
// Written in the handler.
std::atomic<unsigned> done = 0;
std::atomic<int> failure = 0;

/** Limits the capabilities of this thread. System calls only: it runs in a signal handler. 0, or an errno. */
int keepHere()
{
	const uint64_t mask = kept;
	for (unsigned long number = 0; number < CAPABILITIES; number++) {
		// EPERM: without CAP_SETPCAP the bounding set stays, and gives nothing back to a process with
		// no_new_privs.
		if (!(mask >> number & 1) && syscall(SYS_prctl, PR_CAPBSET_DROP, number, 0, 0, 0) != 0 &&
		    errno == EINVAL)
			break; // this kernel has no more
	}
	__user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
	std::array<__user_cap_data_struct, _LINUX_CAPABILITY_U32S_3> sets = {};
	if (syscall(SYS_capget, &header, sets.data()) != 0)
		return errno;
	for (size_t word = 0; word < sets.size(); word++) {
		const auto part = static_cast<uint32_t>(mask >> (32 * word));
		sets[word].effective &= part;
		sets[word].permitted &= part;
		sets[word].inheritable &= part;
	}
	return syscall(SYS_capset, &header, sets.data()) == 0 ? 0 : errno;
}

void handle(int)
{
	const int before = errno;
	if (const int error = keepHere())
		failure = error;
	done++;
	errno = before;
}

/** False: the thread has ended. */
bool isThere(pid_t thread)
{
	return syscall(SYS_tgkill, getpid(), thread, 0) == 0;
}

/** 0, or an errno. */
int keepIn(pid_t thread)
{
	const unsigned before = done;
	if (syscall(SYS_tgkill, getpid(), thread, SIGNAL_OF_SETUID) != 0)
		return errno == ESRCH ? 0 : errno;
	const auto until = std::chrono::steady_clock::now() + EACH_WITHIN;
	while (done == before && isThere(thread)) {
		if (std::chrono::steady_clock::now() > until)
			return ETIMEDOUT;
		std::this_thread::sleep_for(LOOK_EVERY);
	}
	return failure;
}

/** Until all threads are done: one that was not may have started another meanwhile. 0, or an errno. */
int keepInOthers()
{
	std::set<pid_t> reached = {gettid()};
	for (bool isNew = true; isNew;) {
		isNew = false;
		std::error_code unread;
		for (const auto &entry : std::filesystem::directory_iterator("/proc/self/task", unread)) {
			const auto thread = static_cast<pid_t>(std::atoi(entry.path().filename().c_str()));
			if (!reached.insert(thread).second)
				continue;
			isNew = true;
			if (const int error = keepIn(thread))
				return error;
		}
		if (unread)
			return unread.value();
	}
	return 0;
}

int keepInAll()
{
	KernelAction before = {};
	const size_t bytes = sizeof(before.mask);
	if (syscall(SYS_rt_sigaction, SIGNAL_OF_SETUID, nullptr, &before, bytes) != 0)
		return errno;
	if (before.handler == SIG_DFL)
		return ENOSYS; // another C library
	KernelAction ours = before;
	ours.handler = handle;
	if (syscall(SYS_rt_sigaction, SIGNAL_OF_SETUID, &ours, nullptr, bytes) != 0)
		return errno;
	const int error = keepInOthers();
	syscall(SYS_rt_sigaction, SIGNAL_OF_SETUID, &before, nullptr, bytes);
	return error != 0 ? error : keepHere();
}

} // namespace

void keepCapabilities(const Napi::CallbackInfo &info)
{
	const auto numbers = info[0].As<Napi::Array>();
	uint64_t mask = 0;
	for (uint32_t i = 0; i < numbers.Length(); i++) {
		const uint32_t number = numbers.Get(i).As<Napi::Number>();
		if (number >= CAPABILITIES)
			throw systemError(info.Env(), EINVAL, "keep", "capability " + std::to_string(number));
		mask |= uint64_t{1} << number;
	}
	// Before Linux 5.11 the memory of BPF counts as locked memory, and later this process may not raise the limit.
	// No confinement: without CAP_SYS_RESOURCE the limit stays, and loading says so where it is too low.
	const rlimit unlimited{RLIM_INFINITY, RLIM_INFINITY};
	setrlimit(RLIMIT_MEMLOCK, &unlimited);
	kept = mask;
	failure = 0;
	if (const int error = keepInAll())
		throw systemError(info.Env(), error, "drop", "capabilities");
}

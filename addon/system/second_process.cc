// SPDX-License-Identifier: Apache-2.0
#include "system/second_process.hh"

#include "error.hh"
#include "fd.hh"

#include <fcntl.h>
#include <linux/close_range.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <climits>
#include <csignal>
#include <string>
#include <vector>

namespace
{

constexpr int FIRST = 3;

/** Where no target of a later dup2() can lie. */
constexpr int OUT_OF_THE_WAY = 64;

/** In the child of fork(), where other threads may have held any lock: system calls only. */
int become(const char *program, char *const *arguments, std::vector<int> &descriptors)
{
	sigset_t none;
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, nullptr);
	for (int &descriptor : descriptors) {
		descriptor = fcntl(descriptor, F_DUPFD_CLOEXEC, OUT_OF_THE_WAY);
		if (descriptor < 0)
			return errno;
	}
	int next = FIRST;
	for (const int descriptor : descriptors)
		if (dup2(descriptor, next++) < 0)
			return errno;
	// At execv(): until then an error is to be reported.
	if (syscall(SYS_close_range, next, UINT_MAX, CLOSE_RANGE_CLOEXEC) != 0)
		return errno;
	// Node has marked these to be closed.
	for (int standard = 0; standard < FIRST; standard++)
		fcntl(standard, F_SETFD, 0);
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
		return errno;
	// Only through these a user who is not root would have rights there; a kernel without them gives none.
	prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
	execv(program, arguments);
	return errno;
}

[[noreturn]] void runChild(const char *program, char *const *arguments, std::vector<int> &descriptors, int report)
{
	const int moved = fcntl(report, F_DUPFD_CLOEXEC, OUT_OF_THE_WAY);
	const int error = moved < 0 ? errno : become(program, arguments, descriptors);
	const ssize_t written = write(moved < 0 ? report : moved, &error, sizeof(error));
	_exit(written == sizeof(error) ? 126 : 127);
}

} // namespace

Napi::Value startSecondProcess(const Napi::CallbackInfo &info)
{
	const Napi::Env env = info.Env();
	const std::string program = info[0].As<Napi::String>();
	const auto words = info[1].As<Napi::Array>();
	std::vector<std::string> texts{program};
	for (uint32_t i = 0; i < words.Length(); i++)
		texts.push_back(words.Get(i).As<Napi::String>());
	std::vector<char *> arguments;
	for (std::string &text : texts)
		arguments.push_back(text.data());
	arguments.push_back(nullptr);
	const auto numbers = info[2].As<Napi::Array>();
	std::vector<int> descriptors;
	for (uint32_t i = 0; i < numbers.Length(); i++)
		descriptors.push_back(numbers.Get(i).As<Napi::Number>().Int32Value());

	int ends[2];
	if (pipe2(ends, O_CLOEXEC) != 0)
		throw systemError(env, errno, "start", program);
	const Fd reading(ends[0]);
	Fd writing(ends[1]);
	const pid_t pid = fork();
	if (pid == 0)
		runChild(program.c_str(), arguments.data(), descriptors, ends[1]);
	if (pid < 0)
		throw systemError(env, errno, "start", program);
	writing.reset();
	int error = 0;
	ssize_t bytes = 0;
	do
		bytes = read(ends[0], &error, sizeof(error));
	while (bytes < 0 && errno == EINTR);
	if (bytes == sizeof(error)) {
		waitpid(pid, nullptr, 0);
		throw systemError(env, error, "start", program);
	}
	return Napi::Number::New(env, pid);
}

Napi::Value endOfSecondProcess(const Napi::CallbackInfo &info)
{
	const Napi::Env env = info.Env();
	const pid_t pid = info[0].As<Napi::Number>().Int32Value();
	int status = 0;
	const pid_t ended = waitpid(pid, &status, WNOHANG);
	if (ended < 0)
		throw systemError(env, errno, "wait for", "process " + std::to_string(pid));
	return ended == 0 ? env.Undefined() : Napi::Number::New(env, status);
}

// SPDX-License-Identifier: Apache-2.0
#include "system/second_process.hh"

#include "error.hh"
#include "fd.hh"
#include "system/landlock.hh"

#include <fcntl.h>
#include <linux/close_range.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <climits>
#include <csignal>
#include <string>
#include <vector>

namespace
{

constexpr int FIRST = 3;

/** sd_listen_fds(3): how many descriptors a service started by a connection has. */
constexpr int GIVEN = FIRST + 1;

/** Copies of descriptors get numbers from here on, above every target of a later dup2(). */
constexpr int OUT_OF_THE_WAY = 64;

std::vector<std::string> textsOf(const Napi::Value &list)
{
	const auto values = list.As<Napi::Array>();
	std::vector<std::string> texts;
	for (uint32_t i = 0; i < values.Length(); i++)
		texts.push_back(values.Get(i).As<Napi::String>());
	return texts;
}

/** The arguments for execv(), with the program first; valid as long as the texts are. */
std::vector<char *> pointersTo(std::vector<std::string> &texts)
{
	std::vector<char *> pointers;
	for (std::string &text : texts)
		pointers.push_back(text.data());
	pointers.push_back(nullptr);
	return pointers;
}

/** Marks all descriptors from this one on; 0 or an errno. */
int closeAtExec(int first)
{
	if (syscall(SYS_close_range, first, UINT_MAX, CLOSE_RANGE_CLOEXEC) == 0)
		return 0;
	if (errno != EINVAL && errno != ENOSYS)
		return errno;
	// Before Linux 5.11 one by one.
	rlimit most{};
	if (getrlimit(RLIMIT_NOFILE, &most) != 0)
		return errno;
	for (rlim_t descriptor = static_cast<rlim_t>(first); descriptor < most.rlim_max; descriptor++)
		fcntl(static_cast<int>(descriptor), F_SETFD, FD_CLOEXEC);
	return 0;
}

struct Pipe {
	Fd reading;
	Fd writing;

	/** 0 or an errno. */
	int open()
	{
		int ends[2];
		if (pipe2(ends, O_CLOEXEC) != 0)
			return errno;
		reading = Fd(ends[0]);
		writing = Fd(ends[1]);
		return 0;
	}
};

/** What the child is given. */
struct Given {
	std::vector<int> descriptors;
	std::array<int, 2> outputs;
	pid_t parent;
	/** As text: after fork() nothing is formatted. */
	std::string niceness;
};

/** Why the child is not the program: an errno, and whether Landlock's rules are what failed. */
struct Failure {
	int error;
	bool unconfined;
};

Napi::Error failed(Napi::Env env, const Failure &failure, const std::string &program)
{
	return failure.unconfined ? Rules::refused(env, failure.error)
				  : systemError(env, failure.error, "start", program);
}

/**
 * The kernel groups CPU time by session (sched(7), autogroups), and a new one begins at nice 0 whatever its processes
 * have. Where that cannot be changed, nice stands alone.
 */
void raiseSession(int self, const std::string &niceness)
{
	const int session = openat(self, "autogroup", O_WRONLY | O_CLOEXEC);
	if (session < 0)
		return;
	[[maybe_unused]] const ssize_t written = write(session, niceness.data(), niceness.size());
	close(session);
}

/** Runs in the child of fork(), where other threads may have held any lock: system calls only. */
int prepare(Given &given, const Rules &rules, bool &unconfined)
{
	// Also if it is stopped before it is confined, which sets this again: a change of user takes it away.
	if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) != 0 || getppid() != given.parent)
		return ESRCH;
	sigset_t none;
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, nullptr);
	for (int &output : given.outputs) {
		output = fcntl(output, F_DUPFD_CLOEXEC, OUT_OF_THE_WAY);
		if (output < 0)
			return errno;
	}
	for (int &descriptor : given.descriptors) {
		descriptor = fcntl(descriptor, F_DUPFD_CLOEXEC, OUT_OF_THE_WAY);
		if (descriptor < 0)
			return errno;
	}
	int next = FIRST;
	for (const int descriptor : given.descriptors)
		if (dup2(descriptor, next++) < 0)
			return errno;
	// Node reads there what it is. Open, for the rule is about this folder, which the kernel makes anew when
	// nothing holds it.
	const int self = open("/proc/self", O_PATH | O_CLOEXEC);
	if (self < 0 || dup2(self, next++) < 0)
		return errno;
	// Closes them at execv(): until then an error is to be reported.
	if (const int error = closeAtExec(next))
		return error;
	// The serving process must not inherit our stdin (tapscope.service: the kernel's symbols).
	const int nothing = open("/dev/null", O_RDONLY | O_CLOEXEC);
	if (nothing < 0 || dup2(nothing, STDIN_FILENO) < 0)
		return errno;
	// A session of its own has no terminal: TIOCSTI would type into the shell that started the agent.
	if (setsid() < 0)
		return errno;
	raiseSession(self, given.niceness);
	// A terminal could be typed into and read by who has it open.
	if (dup2(given.outputs[0], STDOUT_FILENO) < 0 || dup2(given.outputs[1], STDERR_FILENO) < 0)
		return errno;
	// Node has marked these to be closed.
	for (int standard = 0; standard < FIRST; standard++)
		fcntl(standard, F_SETFD, 0);
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
		return errno;
	// Only through these a user who is not root would have rights there; a kernel without them gives none.
	prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
	unconfined = !rules.addFolder(self) || !rules.obey();
	return unconfined ? errno : 0;
}

Failure become(const char *program, char *const *arguments, Given &given, const Rules &rules)
{
	Failure failure = {};
	failure.error = prepare(given, rules, failure.unconfined);
	if (failure.error == 0) {
		execv(program, arguments);
		failure.error = errno;
	}
	return failure;
}

[[noreturn]] void runChild(const char *program, char *const *arguments, Given &given, const Rules &rules, int report)
{
	const int moved = fcntl(report, F_DUPFD_CLOEXEC, OUT_OF_THE_WAY);
	const Failure failure = moved < 0 ? Failure{errno, false} : become(program, arguments, given, rules);
	const ssize_t written = write(moved < 0 ? report : moved, &failure, sizeof(failure));
	_exit(written == sizeof(failure) ? 126 : 127);
}

} // namespace

Napi::Value startSecondProcess(const Napi::CallbackInfo &info)
{
	const Napi::Env env = info.Env();
	const std::string program = info[0].As<Napi::String>();
	std::vector<std::string> texts = textsOf(info[1]);
	texts.insert(texts.begin(), program);
	const std::vector<char *> arguments = pointersTo(texts);
	const auto numbers = info[2].As<Napi::Array>();
	Given given;
	given.parent = getpid();
	given.niceness = std::to_string(getpriority(PRIO_PROCESS, 0));
	for (uint32_t i = 0; i < numbers.Length(); i++)
		given.descriptors.push_back(numbers.Get(i).As<Napi::Number>().Int32Value());
	const Rules rules(env, info[3].As<Napi::Object>());

	Pipe report;
	std::array<Pipe, 2> outputs;
	for (Pipe *const one : {&report, &outputs[0], &outputs[1]})
		if (const int error = one->open())
			throw systemError(env, error, "start", program);
	given.outputs = {outputs[0].writing.get(), outputs[1].writing.get()};
	const pid_t pid = fork();
	if (pid == 0)
		runChild(program.c_str(), arguments.data(), given, rules, report.writing.get());
	if (pid < 0)
		throw systemError(env, errno, "start", program);
	for (Pipe *const one : {&report, &outputs[0], &outputs[1]})
		one->writing.reset();
	Failure failure = {};
	ssize_t bytes = 0;
	do
		bytes = read(report.reading.get(), &failure, sizeof(failure));
	while (bytes < 0 && errno == EINTR);
	if (bytes == sizeof(failure)) {
		waitpid(pid, nullptr, 0);
		throw failed(env, failure, program);
	}
	auto ends = Napi::Array::New(env, outputs.size());
	for (uint32_t i = 0; i < outputs.size(); i++)
		ends[i] = Napi::Number::New(env, outputs[i].reading.release());
	auto second = Napi::Object::New(env);
	second["pid"] = Napi::Number::New(env, pid);
	second["outputs"] = ends;
	return second;
}

void becomeConfined(const Napi::CallbackInfo &info)
{
	const Napi::Env env = info.Env();
	std::vector<std::string> texts = textsOf(info[0]);
	const std::vector<char *> arguments = pointersTo(texts);
	const Rules rules(env, info[1].As<Napi::Object>());
	const int self = open("/proc/self", O_PATH); // stays open, as in become()
	if (self < 0 || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
		throw systemError(env, errno, "confine", "the process");
	if (!rules.addFolder(self) || !rules.obey())
		throw Rules::refused(env, errno);
	for (int given = 0; given < GIVEN; given++)
		fcntl(given, F_SETFD, 0); // Node has marked these to be closed
	execv(arguments[0], arguments.data());
	throw systemError(env, errno, "start", texts[0]);
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

// SPDX-License-Identifier: Apache-2.0
#include "system/landlock.hh"

#include "error.hh"

#include <fcntl.h>
#include <linux/landlock.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <string>

namespace
{

/** landlock.h of newer kernels; an older kernel takes it as long as what it does not know is 0. */
struct Handled {
	uint64_t files = 0;
	uint64_t ports = 0;
	uint64_t scopes = 0;
};

struct PortRule {
	uint64_t rights;
	uint64_t port;
};
constexpr int RULE_NET_PORT = 2;

/** Since version 4: TCP ports. */
constexpr int PORTS_SINCE = 4;
constexpr uint64_t TAKE_PORT = 1;
constexpr uint64_t CONNECT_PORT = 2;

/** landlock.h: all rights to files that each version knows, by how many bits they take. */
constexpr std::array<unsigned, 6> BITS = {0, 13, 14, 15, 15, 16};

/** Since version 6: abstract unix sockets and signals, beyond the processes that have the same rules. */
constexpr int SCOPES_SINCE = 6;
constexpr uint64_t SCOPES = 3;

constexpr uint64_t READ_FILE = LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_EXECUTE;
constexpr uint64_t READ_FOLDER = LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR;

long version()
{
	return syscall(SYS_landlock_create_ruleset, nullptr, 0, LANDLOCK_CREATE_RULESET_VERSION);
}

bool add(int rules, int file, uint64_t rights)
{
	const landlock_path_beneath_attr rule = {rights, file};
	return syscall(SYS_landlock_add_rule, rules, LANDLOCK_RULE_PATH_BENEATH, &rule, 0) == 0;
}

/** False: see errno. A file that does not exist is in no rule. */
bool addFile(int rules, const std::string &path)
{
	const Fd file(open(path.c_str(), O_PATH | O_CLOEXEC));
	struct stat seen = {};
	if (!file || fstat(file.get(), &seen) != 0)
		return true;
	return add(rules, file.get(), S_ISDIR(seen.st_mode) ? READ_FOLDER : READ_FILE);
}

/** False: see errno. */
bool addPorts(int rules, const Napi::Value &list, uint64_t right)
{
	const auto ports = list.As<Napi::Array>();
	for (uint32_t i = 0; i < ports.Length(); i++) {
		const PortRule rule = {right, ports.Get(i).As<Napi::Number>().Uint32Value()};
		if (syscall(SYS_landlock_add_rule, rules, RULE_NET_PORT, &rule, 0) != 0)
			return false;
	}
	return true;
}

} // namespace

Napi::Value landlockVersion(const Napi::CallbackInfo &info)
{
	const long found = version();
	return Napi::Number::New(info.Env(), static_cast<double>(found < 0 ? -errno : found));
}

Napi::Error Rules::refused(Napi::Env env, int error)
{
	return systemError(env, error, "set", "the rules of Landlock");
}

Rules::Rules(Napi::Env env, const Napi::Object &reach)
{
	const long known = version();
	if (known < 1)
		return;
	const bool limitsPorts = known >= PORTS_SINCE;
	Handled handled;
	const auto newest = static_cast<long>(BITS.size()) - 1;
	handled.files = (1ULL << BITS[static_cast<size_t>(std::min(known, newest))]) - 1;
	if (limitsPorts)
		handled.ports = TAKE_PORT | CONNECT_PORT;
	if (known >= SCOPES_SINCE)
		handled.scopes = SCOPES;
	rules_ = Fd(static_cast<int>(syscall(SYS_landlock_create_ruleset, &handled, sizeof(handled), 0)));
	bool isMade = static_cast<bool>(rules_);
	const auto files = reach.Get("readable").As<Napi::Array>();
	for (uint32_t i = 0; isMade && i < files.Length(); i++)
		isMade = addFile(rules_.get(), files.Get(i).As<Napi::String>());
	if (isMade && limitsPorts) {
		const auto both = reach.Get("ports").As<Napi::Object>();
		isMade = addPorts(rules_.get(), both.Get("taken"), TAKE_PORT) &&
			 addPorts(rules_.get(), both.Get("connected"), CONNECT_PORT);
	}
	if (!isMade)
		throw refused(env, errno);
}

bool Rules::addFolder(int folder) const
{
	return !rules_ || add(rules_.get(), folder, READ_FOLDER);
}

bool Rules::obey() const
{
	return !rules_ || syscall(SYS_landlock_restrict_self, rules_.get(), 0) == 0;
}

// SPDX-License-Identifier: Apache-2.0
#include "system/file_lock.hh"

#include "error.hh"

#include <sys/file.h>

#include <cerrno>

Napi::Value lockFile(const Napi::CallbackInfo &info)
{
	const Napi::Env env = info.Env();
	const int fd = info[0].As<Napi::Number>().Int32Value();
	while (flock(fd, LOCK_EX | LOCK_NB) != 0) {
		if (errno == EWOULDBLOCK)
			return Napi::Boolean::New(env, false);
		if (errno != EINTR)
			throw systemError(env, errno, "lock", "descriptor " + std::to_string(fd));
	}
	return Napi::Boolean::New(env, true);
}

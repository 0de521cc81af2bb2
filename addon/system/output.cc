// SPDX-License-Identifier: Apache-2.0
#include "system/output.hh"

#include "error.hh"

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>

namespace
{

/** pipe(7): where poll() finds room in a pipe, it takes so many bytes without waiting. */
ssize_t writeWithRoom(int descriptor, const uint8_t *bytes, size_t length)
{
	pollfd output = {.fd = descriptor, .events = POLLOUT, .revents = 0};
	if (poll(&output, 1, 0) > 0)
		return write(descriptor, bytes, std::min<size_t>(length, PIPE_BUF));
	errno = EAGAIN;
	return -1;
}

} // namespace

Napi::Value writeNow(const Napi::CallbackInfo &info)
{
	const Napi::Env env = info.Env();
	const int descriptor = info[0].As<Napi::Number>().Int32Value();
	const auto bytes = info[1].As<Napi::Uint8Array>();
	// O_NONBLOCK would be seen by all that share the socket, this flag is not.
	ssize_t written = send(descriptor, bytes.Data(), bytes.ByteLength(), MSG_DONTWAIT | MSG_NOSIGNAL);
	if (written < 0 && errno == ENOTSOCK)
		written = writeWithRoom(descriptor, bytes.Data(), bytes.ByteLength());
	if (written < 0)
		throw systemError(env, errno, "write to", "a shared descriptor");
	return Napi::Number::New(env, static_cast<double>(written));
}

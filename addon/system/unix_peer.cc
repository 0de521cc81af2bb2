// SPDX-License-Identifier: Apache-2.0
#include "system/unix_peer.hh"

#include "fd.hh"

#include <sys/socket.h>
#include <sys/un.h>

#include <cstddef>
#include <cstring>

Napi::Value unixPeerPid(const Napi::CallbackInfo &info)
{
	const Napi::Env env = info.Env();
	const std::string name = info[0].As<Napi::String>();
	sockaddr_un address = {};
	if (name.size() > sizeof(address.sun_path))
		return env.Undefined();
	address.sun_family = AF_UNIX;
	memcpy(address.sun_path, name.data(), name.size());
	const auto length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + name.size());
	// Not to wait where the listener's backlog is full.
	const Fd socket_(socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
	if (!socket_ || connect(socket_.get(), reinterpret_cast<const sockaddr *>(&address), length) != 0)
		return env.Undefined();
	ucred peer = {};
	socklen_t size = sizeof(peer);
	if (getsockopt(socket_.get(), SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0 || peer.pid <= 0)
		return env.Undefined();
	return Napi::Number::New(env, peer.pid);
}

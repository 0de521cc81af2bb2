// SPDX-License-Identifier: Apache-2.0
#include "system/unix_peer.hh"

#include "error.hh"
#include "fd.hh"

#include <sys/socket.h>
#include <sys/un.h>

#include <cerrno>
#include <climits>
#include <cstddef>
#include <cstring>
#include <vector>

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
	// Non-blocking: the listener's backlog may be full.
	const Fd socket_(socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
	if (!socket_ || connect(socket_.get(), reinterpret_cast<const sockaddr *>(&address), length) != 0)
		return env.Undefined();
	ucred peer = {};
	socklen_t size = sizeof(peer);
	if (getsockopt(socket_.get(), SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0 || peer.pid <= 0)
		return env.Undefined();
	return Napi::Number::New(env, peer.pid);
}

Napi::Value unixPeer(const Napi::CallbackInfo &info)
{
	const Napi::Env env = info.Env();
	const int socket = info[0].As<Napi::Number>().Int32Value();
	ucred peer = {};
	socklen_t size = sizeof(peer);
	if (getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0)
		throw systemError(env, errno, "ask for", "the peer of a socket");
	// The most that a process may have.
	std::vector<gid_t> others(NGROUPS_MAX);
	size = static_cast<socklen_t>(others.size() * sizeof(gid_t));
	if (getsockopt(socket, SOL_SOCKET, SO_PEERGROUPS, others.data(), &size) != 0)
		throw systemError(env, errno, "ask for", "the groups of a peer");
	others.resize(size / sizeof(gid_t));
	others.push_back(peer.gid);
	Napi::Array groups = Napi::Array::New(env, others.size());
	for (uint32_t i = 0; i < others.size(); i++)
		groups[i] = Napi::Number::New(env, others[i]);
	Napi::Object found = Napi::Object::New(env);
	found["uid"] = Napi::Number::New(env, peer.uid);
	found["groups"] = groups;
	return found;
}

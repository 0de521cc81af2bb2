// SPDX-License-Identifier: Apache-2.0
#include "system/unix_socket.hh"

#include "error.hh"
#include "fd.hh"

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <cerrno>
#include <cstddef>
#include <cstring>

namespace
{

/** The backlog of Node's own servers. */
constexpr int BACKLOG = 511;
constexpr mode_t PRIVATE = 0177;

/** A message of one byte with room for something else: a descriptor, or who wrote it. */
template <typename Other>
struct Message {
	char byte = 0;
	iovec part = {&byte, sizeof(byte)};
	alignas(cmsghdr) char control[CMSG_SPACE(sizeof(Other))] = {};
	msghdr header = {};

	Message()
	{
		header.msg_iov = &part;
		header.msg_iovlen = 1;
		header.msg_control = control;
		header.msg_controllen = sizeof(control);
	}
	Message(const Message &) = delete;
	Message &operator=(const Message &) = delete;
};

sockaddr_un addressOf(Napi::Env env, const std::string &path)
{
	sockaddr_un address = {};
	if (path.size() >= sizeof(address.sun_path))
		throw systemError(env, ENAMETOOLONG, "reach", path);
	address.sun_family = AF_UNIX;
	memcpy(address.sun_path, path.data(), path.size());
	return address;
}

} // namespace

void sendToUnix(const Napi::CallbackInfo &info)
{
	const Napi::Env env = info.Env();
	const std::string path = info[0].As<Napi::String>();
	const std::string text = info[1].As<Napi::String>();
	sockaddr_un address = addressOf(env, path);
	// unix(7): an abstract name begins with a zero and ends with the length of the address.
	if (address.sun_path[0] == '@')
		address.sun_path[0] = 0;
	const auto length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + path.size());
	const Fd sender(socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
	if (!sender || sendto(sender.get(), text.data(), text.size(), MSG_NOSIGNAL | MSG_DONTWAIT,
			      reinterpret_cast<const sockaddr *>(&address), length) < 0)
		throw systemError(env, errno, "tell", path);
}

Napi::Value connectUnix(const Napi::CallbackInfo &info)
{
	const Napi::Env env = info.Env();
	const std::string path = info[0].As<Napi::String>();
	const sockaddr_un address = addressOf(env, path);
	Fd connection(socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
	const int yes = 1;
	// From now on the kernel says which process wrote what is received.
	if (!connection || setsockopt(connection.get(), SOL_SOCKET, SO_PASSCRED, &yes, sizeof(yes)) != 0 ||
	    connect(connection.get(), reinterpret_cast<const sockaddr *>(&address), sizeof(address)) != 0)
		throw systemError(env, errno, "connect to", path);
	return Napi::Number::New(env, connection.release());
}

Napi::Value peerOf(const Napi::CallbackInfo &info)
{
	const Napi::Env env = info.Env();
	const int connection = info[0].As<Napi::Number>().Int32Value();
	Message<ucred> message;
	const ssize_t bytes = recvmsg(connection, &message.header, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
	if (bytes < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
		return env.Undefined();
	const cmsghdr *part = bytes > 0 ? CMSG_FIRSTHDR(&message.header) : nullptr;
	if (!part || part->cmsg_level != SOL_SOCKET || part->cmsg_type != SCM_CREDENTIALS)
		return Napi::Number::New(env, 0);
	ucred peer = {};
	memcpy(&peer, CMSG_DATA(part), sizeof(peer));
	return Napi::Number::New(env, peer.pid);
}

Napi::Value listenUnix(const Napi::CallbackInfo &info)
{
	const Napi::Env env = info.Env();
	const std::string path = info[0].As<Napi::String>();
	const sockaddr_un address = addressOf(env, path);
	Fd listener(socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
	if (!listener)
		throw systemError(env, errno, "listen on", path);
	const mode_t usual = umask(PRIVATE);
	const int bound = bind(listener.get(), reinterpret_cast<const sockaddr *>(&address), sizeof(address));
	const int error = errno;
	umask(usual);
	if (bound != 0)
		throw systemError(env, error, "listen on", path);
	if (listen(listener.get(), BACKLOG) != 0)
		throw systemError(env, errno, "listen on", path);
	return Napi::Number::New(env, listener.release());
}

Napi::Value socketPair(const Napi::CallbackInfo &info)
{
	const Napi::Env env = info.Env();
	int ends[2];
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends) != 0)
		throw systemError(env, errno, "make", "a pair of sockets");
	const Napi::Array pair = Napi::Array::New(env, 2);
	pair.Set(0U, ends[0]);
	pair.Set(1U, ends[1]);
	return pair;
}

void sendDescriptor(const Napi::CallbackInfo &info)
{
	const Napi::Env env = info.Env();
	const int socket = info[0].As<Napi::Number>().Int32Value();
	const int descriptor = info[1].As<Napi::Number>().Int32Value();
	Message<int> message;
	cmsghdr *part = CMSG_FIRSTHDR(&message.header);
	part->cmsg_level = SOL_SOCKET;
	part->cmsg_type = SCM_RIGHTS;
	part->cmsg_len = CMSG_LEN(sizeof(descriptor));
	memcpy(CMSG_DATA(part), &descriptor, sizeof(descriptor));
	if (sendmsg(socket, &message.header, MSG_NOSIGNAL) != sizeof(message.byte))
		throw systemError(env, errno, "send", "a descriptor");
}

Napi::Value receiveDescriptor(const Napi::CallbackInfo &info)
{
	const Napi::Env env = info.Env();
	const int socket = info[0].As<Napi::Number>().Int32Value();
	Message<int> message;
	const ssize_t bytes = recvmsg(socket, &message.header, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
	if (bytes < 0 && errno != EAGAIN && errno != EWOULDBLOCK)
		throw systemError(env, errno, "receive", "a descriptor");
	const cmsghdr *part = bytes > 0 ? CMSG_FIRSTHDR(&message.header) : nullptr;
	if (!part || part->cmsg_level != SOL_SOCKET || part->cmsg_type != SCM_RIGHTS)
		return env.Undefined();
	int descriptor = -1;
	memcpy(&descriptor, CMSG_DATA(part), sizeof(descriptor));
	return Napi::Number::New(env, descriptor);
}

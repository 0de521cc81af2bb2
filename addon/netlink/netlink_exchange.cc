// SPDX-License-Identifier: Apache-2.0
#include "netlink/netlink_exchange.hh"

#include <fcntl.h>
#include <linux/netlink.h>
#include <poll.h>
#include <sched.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>

namespace
{

constexpr int silenceMs = 2000;
constexpr int attempts = 4;
constexpr int mostErrno = 4095;

/** The kernel makes the pieces of a dump as large as the reader's buffer, up to this. */
constexpr size_t datagramRoom = 32768;

struct Progress {
	bool finished = false;
	bool disturbed = false;
	/** Positive errno of the kernel's answer. */
	int error = 0;
};

int statusOf(const nlmsghdr *message)
{
	int status = 0;
	if (mnl_nlmsg_get_payload_len(message) < sizeof(status))
		return 0;
	status = *static_cast<const int *>(mnl_nlmsg_get_payload(message));
	// The kernel's are above this; the least integer has no opposite.
	if (status < -mostErrno)
		return EPROTO;
	return status < 0 ? -status : 0;
}

/** libmnl takes a length of 2 GiB or more for a negative one, which is short enough. */
bool isWhole(const nlmsghdr *message, int left)
{
	return mnl_nlmsg_ok(message, left) && message->nlmsg_len <= static_cast<uint32_t>(left);
}

/** Types of nfnetlink have its subsystem in the upper byte, from 1 on; those of rtnetlink end far below. */
int protocolOf(const std::vector<uint8_t> &message)
{
	return reinterpret_cast<const nlmsghdr *>(message.data())->nlmsg_type >> 8 ? NETLINK_NETFILTER : NETLINK_ROUTE;
}

/** Takes the messages of one datagram that answer the request. */
void take(const nlmsghdr *message, size_t length, const nlmsghdr *request, NetlinkMessages &reply, Progress &progress)
{
	int left = static_cast<int>(length);
	for (; isWhole(message, left) && !progress.finished; message = mnl_nlmsg_next(message, &left)) {
		if (message->nlmsg_seq != request->nlmsg_seq || message->nlmsg_type == NLMSG_NOOP)
			continue;
		progress.disturbed |= (message->nlmsg_flags & NLM_F_DUMP_INTR) != 0;
		if (message->nlmsg_type == NLMSG_DONE || message->nlmsg_type == NLMSG_ERROR) {
			progress.error = statusOf(message);
			progress.finished = true;
			return;
		}
		const auto *bytes = reinterpret_cast<const uint8_t *>(message);
		reply.insert(reply.end(), bytes, bytes + message->nlmsg_len);
		reply.resize(MNL_ALIGN(reply.size()));
		progress.finished = !(message->nlmsg_flags & NLM_F_MULTI) && !(request->nlmsg_flags & NLM_F_ACK);
	}
}

} // namespace

NetlinkMessages NetlinkExchange::run(const NetlinkRequest &request)
{
	where_ = request.netnsPath ? "namespace " + *request.netnsPath : "the own namespace";
	if (away_)
		goHome();
	if (request.file)
		return readFile(request);
	const int protocol = protocolOf(request.message);
	const Socket socket = request.netnsPath ? openIn(*request.netnsPath, protocol) : open(protocol);
	if (!socket)
		throw NetlinkFailure{errno, "open a netlink socket in", where_};
	std::vector<uint8_t> message = request.message;
	for (int attempt = 0; attempt < attempts; attempt++) {
		NetlinkMessages reply;
		if (ask(socket.get(), message, request.mostBytes, reply))
			return reply;
	}
	throw NetlinkFailure{EINTR, "get an undisturbed dump of", where_};
}

/**
 * Connected to the kernel, whose answers alone it then takes: who is root in a namespace may send to any socket there,
 * could forge answers, and let one go on without an end.
 */
NetlinkExchange::Socket NetlinkExchange::open(int protocol)
{
	Socket socket(mnl_socket_open2(protocol, SOCK_CLOEXEC));
	sockaddr_nl kernel{};
	kernel.nl_family = AF_NETLINK;
	if (socket &&
	    connect(mnl_socket_get_fd(socket.get()), reinterpret_cast<sockaddr *>(&kernel), sizeof(kernel)) < 0)
		socket.reset();
	return socket;
}

NetlinkExchange::Socket NetlinkExchange::openIn(const std::string &netnsPath, int protocol)
{
	enter(netnsPath);
	Socket socket = open(protocol);
	const int error = errno;
	goHome();
	errno = error;
	return socket;
}

/** The namespace of the thread that opens it is the one that such a file is of. */
NetlinkMessages NetlinkExchange::readFile(const NetlinkRequest &request)
{
	const std::string path = "/proc/thread-self/net/" + *request.file;
	if (request.netnsPath)
		enter(*request.netnsPath);
	const Fd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
	const int refusal = errno;
	if (away_)
		goHome();
	if (!file)
		throw NetlinkFailure{refusal, "open " + *request.file + " of", where_};
	NetlinkMessages text;
	buffer_.resize(std::max(buffer_.size(), datagramRoom));
	while (true) {
		const ssize_t got = read(file.get(), buffer_.data(), buffer_.size());
		if (got < 0)
			throw NetlinkFailure{errno, "read " + *request.file + " of", where_};
		if (got == 0)
			return text;
		text.insert(text.end(), buffer_.begin(), buffer_.begin() + got);
		if (text.size() > request.mostBytes)
			throw NetlinkFailure{EMSGSIZE, "read all of " + *request.file + " of", where_};
	}
}

void NetlinkExchange::enter(const std::string &netnsPath)
{
	if (!home_)
		home_.reset(::open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC));
	if (!home_)
		throw NetlinkFailure{errno, "open", "the own namespace"};
	const Fd target(::open(netnsPath.c_str(), O_RDONLY | O_CLOEXEC));
	if (!target)
		throw NetlinkFailure{errno, "open", where_};
	if (setns(target.get(), CLONE_NEWNET))
		throw NetlinkFailure{errno, "enter", where_};
	away_ = true;
}

void NetlinkExchange::goHome()
{
	if (setns(home_.get(), CLONE_NEWNET))
		throw NetlinkFailure{errno, "return to", "the own namespace"};
	away_ = false;
}

bool NetlinkExchange::ask(mnl_socket *socket, std::vector<uint8_t> &message, size_t mostBytes, NetlinkMessages &reply)
{
	auto *header = reinterpret_cast<nlmsghdr *>(message.data());
	header->nlmsg_seq = ++sequence_;
	header->nlmsg_pid = 0;
	if (mnl_socket_sendto(socket, message.data(), message.size()) < 0)
		throw NetlinkFailure{errno, "send a netlink request to", where_};
	Progress progress;
	while (!progress.finished) {
		const size_t length = receive(socket);
		take(reinterpret_cast<const nlmsghdr *>(buffer_.data()), length, header, reply, progress);
		if (reply.size() > mostBytes)
			throw NetlinkFailure{EMSGSIZE, "receive all of a netlink reply from", where_};
	}
	if (progress.error)
		throw NetlinkFailure{progress.error, "complete a netlink request in", where_};
	return !progress.disturbed;
}

size_t NetlinkExchange::receive(mnl_socket *socket)
{
	const int fd = mnl_socket_get_fd(socket);
	std::array<pollfd, 2> awaited{{{fd, POLLIN, 0}, {stop_, POLLIN, 0}}};
	int ready = -1;
	do {
		ready = poll(awaited.data(), awaited.size(), silenceMs);
	} while (ready < 0 && errno == EINTR);
	if (ready <= 0 || awaited[1].revents)
		throw NetlinkFailure{ready < 0	  ? errno
				     : ready == 0 ? ETIMEDOUT
						  : ECANCELED,
				     "receive a netlink reply from", where_};
	buffer_.resize(std::max(buffer_.size(), datagramRoom));
	const ssize_t length = recv(fd, buffer_.data(), buffer_.size(), MSG_PEEK | MSG_TRUNC);
	if (length > static_cast<ssize_t>(buffer_.size()))
		buffer_.resize(static_cast<size_t>(length));
	sockaddr_nl sender{};
	socklen_t size = sizeof(sender);
	const ssize_t got = length < 0 ? length
				       : recvfrom(fd, buffer_.data(), buffer_.size(), 0,
						  reinterpret_cast<sockaddr *>(&sender), &size);
	if (got < 0)
		throw NetlinkFailure{errno, "receive a netlink reply from", where_};
	// Another program's may have come before the socket was connected.
	return sender.nl_pid == 0 ? static_cast<size_t>(got) : 0;
}

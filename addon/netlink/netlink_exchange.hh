// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "fd.hh"

#include <libmnl/libmnl.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

struct NetlinkRequest {
	/** Absent: the namespace of the process. */
	std::optional<std::string> netnsPath;
	/** One message, header included. */
	std::vector<uint8_t> message;
	/** In place of a message: the name of a file of the namespace below /proc/net, whose text is the reply. */
	std::optional<std::string> file{};
	/** A reply that is longer is given up, and the kernel makes no more of it. */
	size_t mostBytes = SIZE_MAX;
};

/** Whole messages, one after the other, at multiples of 4. */
using NetlinkMessages = std::vector<uint8_t>;

/** Thrown by run(), which knows no JavaScript. */
struct NetlinkFailure {
	/** Positive errno. */
	int error;
	std::string action;
	std::string object;
};

/** Sends rtnetlink and nfnetlink requests, and reads the kernel's counters of a namespace. Belongs to one thread, whose
 * network namespace it changes for a moment. */
class NetlinkExchange
{
public:
	/** `stop`: an eventfd of the caller; once readable, waiting ends with ECANCELED. */
	explicit NetlinkExchange(int stop) : stop_(stop) {}

	/** On return the namespace and the socket are closed: a held descriptor would keep a dead namespace alive. */
	NetlinkMessages run(const NetlinkRequest &request);

private:
	struct CloseSocket {
		void operator()(mnl_socket *socket) const { mnl_socket_close(socket); }
	};
	using Socket = std::unique_ptr<mnl_socket, CloseSocket>;

	static Socket open(int protocol);
	Socket openIn(const std::string &netnsPath, int protocol);
	NetlinkMessages readFile(const NetlinkRequest &request);
	void enter(const std::string &netnsPath);
	void goHome();
	/** Sends the message and reads to the reply's end; false if the kernel says that a dump was disturbed. */
	bool ask(mnl_socket *socket, std::vector<uint8_t> &message, size_t mostBytes, NetlinkMessages &reply);
	/** Reads one datagram into buffer_; returns its length, 0 if the kernel did not send it. */
	size_t receive(mnl_socket *socket);

	int stop_;
	/** The process's own namespace, which lives as long as its threads; opened when first left. */
	Fd home_;
	bool away_ = false;
	/** The namespace of the request under way, for messages. */
	std::string where_;
	uint32_t sequence_ = 0;
	std::vector<uint8_t> buffer_;
};

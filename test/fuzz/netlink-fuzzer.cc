// SPDX-License-Identifier: Apache-2.0
// libFuzzer for what the addon does with datagrams of rtnetlink. The input is a list of datagrams, each behind its
// length in two bytes.
#include "netlink/netlink_exchange.cc"

#include <cstdlib>
#include <cstring>

namespace
{

/** The sequence number of the request that the datagrams answer. */
constexpr uint32_t sequence = 7;

void hold(bool isSo)
{
	if (!isSo)
		abort();
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < 1)
		return 0;
	nlmsghdr request{};
	request.nlmsg_len = sizeof(request);
	request.nlmsg_seq = sequence;
	request.nlmsg_flags = (data[0] & 1) != 0 ? NLM_F_ACK : NLM_F_DUMP;
	NetlinkMessages reply;
	Progress progress;
	for (size_t at = 1; at + 2 <= size && !progress.finished;) {
		uint16_t length = 0;
		std::memcpy(&length, data + at, sizeof(length));
		at += sizeof(length);
		const size_t here = std::min<size_t>(length, size - at);
		// The copy has exactly this size, so that a read behind it is noticed; it is aligned as the addon's
		// buffer is.
		const std::vector<uint8_t> datagram(data + at, data + at + here);
		const size_t before = reply.size();
		take(reinterpret_cast<const nlmsghdr *>(datagram.data()), here, &request, reply, progress);
		hold(reply.size() % MNL_ALIGNTO == 0 && reply.size() - before <= MNL_ALIGN(here));
		hold(progress.error >= 0 && (progress.error == 0 || progress.finished));
		at += here;
	}
	// What JavaScript gets: whole messages of this request, one after the other.
	for (size_t at = 0; at < reply.size();) {
		nlmsghdr header{};
		hold(reply.size() - at >= sizeof(header));
		std::memcpy(&header, reply.data() + at, sizeof(header));
		hold(header.nlmsg_seq == sequence && header.nlmsg_len >= sizeof(header));
		hold(header.nlmsg_len <= reply.size() - at);
		at += MNL_ALIGN(header.nlmsg_len);
	}
	return 0;
}

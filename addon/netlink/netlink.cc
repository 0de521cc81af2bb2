// SPDX-License-Identifier: Apache-2.0
#include "netlink/netlink.hh"

#include "addon_data.hh"
#include "error.hh"
#include "netlink/netlink_thread.hh"

#include <linux/netlink.h>

#include <cerrno>
#include <cstring>

Napi::Value netlinkRequest(const Napi::CallbackInfo &info)
{
	NetlinkRequest request;
	if (info[0].IsTypedArray()) {
		const auto path = info[0].As<Napi::Uint8Array>();
		request.netnsPath.emplace(path.Data(), path.Data() + path.ByteLength());
	}
	if (info[2].IsNumber())
		request.mostBytes = info[2].As<Napi::Number>().Uint32Value();
	const auto message = info[1].As<Napi::Uint8Array>();
	request.message.assign(message.Data(), message.Data() + message.ByteLength());
	// The exchange numbers the message in its header, and the kernel reads as far as this says.
	nlmsghdr header{};
	if (request.message.size() >= sizeof(header))
		memcpy(&header, request.message.data(), sizeof(header));
	if (header.nlmsg_len < sizeof(header) || header.nlmsg_len != request.message.size())
		throw systemError(info.Env(), EINVAL, "send", "a netlink message",
				  "it has " + std::to_string(request.message.size()) + " bytes, and says " +
					  std::to_string(header.nlmsg_len));
	auto *data = info.Env().GetInstanceData<AddonData>();
	if (!data->netlink)
		data->netlink = std::make_unique<NetlinkThread>(info.Env());
	return data->netlink->request(info.Env(), std::move(request));
}

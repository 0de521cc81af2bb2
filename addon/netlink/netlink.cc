// SPDX-License-Identifier: Apache-2.0
#include "netlink/netlink.hh"

#include "addon_data.hh"
#include "error.hh"
#include "netlink/netlink_thread.hh"

#include <linux/netlink.h>

#include <cerrno>
#include <cstring>

namespace
{

/** Its namespace and the most bytes of its reply. */
NetlinkRequest requestOf(const Napi::CallbackInfo &info)
{
	NetlinkRequest request;
	if (info[0].IsTypedArray()) {
		const auto path = info[0].As<Napi::Uint8Array>();
		request.netnsPath.emplace(path.Data(), path.Data() + path.ByteLength());
	}
	if (info[2].IsNumber())
		request.mostBytes = info[2].As<Napi::Number>().Uint32Value();
	return request;
}

Napi::Value run(const Napi::CallbackInfo &info, NetlinkRequest request)
{
	auto *data = info.Env().GetInstanceData<AddonData>();
	if (!data->netlink)
		data->netlink = std::make_unique<NetlinkThread>(info.Env());
	return data->netlink->request(info.Env(), std::move(request));
}

} // namespace

Napi::Value namespaceFile(const Napi::CallbackInfo &info)
{
	NetlinkRequest request = requestOf(info);
	request.file = info[1].As<Napi::String>().Utf8Value();
	if (request.file->find('/') != std::string::npos)
		throw systemError(info.Env(), EINVAL, "open", *request.file, "it is not the name of a file");
	return run(info, std::move(request));
}

Napi::Value netlinkRequest(const Napi::CallbackInfo &info)
{
	NetlinkRequest request = requestOf(info);
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
	return run(info, std::move(request));
}

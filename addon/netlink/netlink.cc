// SPDX-License-Identifier: Apache-2.0
#include "netlink/netlink.hh"

#include "addon_data.hh"
#include "netlink/netlink_thread.hh"

Napi::Value netlinkRequest(const Napi::CallbackInfo &info)
{
	auto *data = info.Env().GetInstanceData<AddonData>();
	if (!data->netlink)
		data->netlink = std::make_unique<NetlinkThread>(info.Env());
	NetlinkRequest request;
	if (info[0].IsString())
		request.netnsPath = info[0].As<Napi::String>();
	if (info[2].IsNumber())
		request.mostBytes = info[2].As<Napi::Number>().Uint32Value();
	const auto message = info[1].As<Napi::Uint8Array>();
	request.message.assign(message.Data(), message.Data() + message.ByteLength());
	return data->netlink->request(info.Env(), std::move(request));
}

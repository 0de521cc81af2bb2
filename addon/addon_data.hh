// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <napi.h>

#include <memory>
#include <utility>

class NetlinkThread;

/** State of one environment (main thread or worker); only its own JavaScript thread touches it. */
struct AddonData {
	AddonData();
	~AddonData();
	AddonData(const AddonData &) = delete;
	AddonData &operator=(const AddonData &) = delete;

	Napi::FunctionReference bpfLink;
	Napi::FunctionReference ringBuffer;
	Napi::FunctionReference btf;
	std::unique_ptr<NetlinkThread> netlink;
};

/** Makes an object of a class whose constructor takes its native content, by move, from here alone. */
template <typename Content>
Napi::Object construct(Napi::Env env, Napi::FunctionReference &constructor, Content content)
{
	return constructor.New({Napi::External<Content>::New(env, &content)});
}

/** The constructor's side of construct(). */
template <typename Content>
Content constructed(const Napi::CallbackInfo &info)
{
	if (info.Length() != 1 || !info[0].IsExternal())
		throw Napi::TypeError::New(info.Env(), "Illegal constructor: ask the object that has it");
	return std::move(*info[0].As<Napi::External<Content>>().Data());
}

// SPDX-License-Identifier: Apache-2.0
#include "bpf/bpf_link.hh"

#include "addon_data.hh"

Napi::Function BpfLink::define(Napi::Env env)
{
	return DefineClass(env, "BpfLink", {InstanceMethod<&BpfLink::detach>("detach")});
}

Napi::Object BpfLink::create(Napi::Env env, SharedLink link)
{
	return construct(env, env.GetInstanceData<AddonData>()->bpfLink, std::move(link));
}

BpfLink::BpfLink(const Napi::CallbackInfo &info) : Napi::ObjectWrap<BpfLink>(info), link_(constructed<SharedLink>(info))
{
}

void BpfLink::detach(const Napi::CallbackInfo &)
{
	link_->reset();
}

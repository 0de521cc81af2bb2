// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <bpf/libbpf.h>
#include <napi.h>

#include <memory>

struct DestroyLink {
	void operator()(bpf_link *link) const { bpf_link__destroy(link); }
};

using LinkPtr = std::unique_ptr<bpf_link, DestroyLink>;

/** The object that attached shares each link with its BpfLink: who comes first, detach() or close(), empties it. */
using SharedLink = std::shared_ptr<LinkPtr>;

/** One attached program. Only JavaScript's thread touches it. */
class BpfLink final : public Napi::ObjectWrap<BpfLink>
{
public:
	static Napi::Function define(Napi::Env env);
	static Napi::Object create(Napi::Env env, SharedLink link);

	explicit BpfLink(const Napi::CallbackInfo &info);

private:
	void detach(const Napi::CallbackInfo &info);

	SharedLink link_;
};

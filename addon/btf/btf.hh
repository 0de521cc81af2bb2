// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <bpf/btf.h>
#include <napi.h>

#include <memory>
#include <string>

/** Types within types, as deep as libbpf itself goes (MAX_RESOLVE_DEPTH): where they form a circle, there is no end. */
constexpr int deepestType = 32;

/** Types are shared between environments' objects and a module's types stand on the kernel's: hence shared_ptr. */
using SharedTypes = std::shared_ptr<struct btf>;

SharedTypes share(struct btf *types);
/** The types of the kernel proper; null where there are none, and errno says why. */
SharedTypes kernelTypes();
/** A name in a set of types; "" where its offset is none of the set's. */
const char *nameIn(const struct btf *types, __u32 offset);
/** The type behind const, volatile, restrict, type tags and, if asked, typedefs; null: there is none, or no end to
 * them. */
const btf_type *unwrapped(const struct btf *types, __u32 id, bool typedefs);
/** The number of a type among those that a module adds to the kernel's: 0 if it has none of that name and kind. */
__u32 findOwn(const struct btf *types, const std::string &name, unsigned kind);

/** Read-only view of a set of BTF types, its own copy. Only JavaScript's thread touches it. */
class Btf final : public Napi::ObjectWrap<Btf>
{
public:
	static Napi::Function define(Napi::Env env);
	/** Copies, so that the result outlives the object. */
	static Napi::Object copy(Napi::Env env, const struct btf *types, const std::string &called);

	explicit Btf(const Napi::CallbackInfo &info);

	/** Passed from copy() and kernel() to the constructor. */
	struct Types {
		/** Must go after `own`. */
		SharedTypes base;
		SharedTypes own;
	};

private:
	static Napi::Value kernel(const Napi::CallbackInfo &info);

	Napi::Value structure(const Napi::CallbackInfo &info);
	Napi::Value enumValues(const Napi::CallbackInfo &info);
	Napi::Value functionArgs(const Napi::CallbackInfo &info);
	Napi::Value typedefFuncArgs(const Napi::CallbackInfo &info);
	Napi::Value variables(const Napi::CallbackInfo &info);
	void tryTracing(const Napi::CallbackInfo &info);
	void close(const Napi::CallbackInfo &info);

	/** Null if there is none of that name and kind; throws EBADF once closed. */
	const btf_type *find(Napi::Env env, const std::string &name, unsigned kind) const;

	Types types_;
};

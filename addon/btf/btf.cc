// SPDX-License-Identifier: Apache-2.0
#include "btf/btf.hh"

#include "addon_data.hh"
#include "btf/btf_struct.hh"
#include "error.hh"
#include "bpf/libbpf_log.hh"

#include "fd.hh"

#include <bpf/bpf.h>
#include <malloc.h>

#include <array>
#include <cerrno>

SharedTypes share(struct btf *types)
{
	return SharedTypes(types, btf__free);
}

/** Indexing the kernel's types takes milliseconds and megabytes: each thread keeps one set while it is in use. */
SharedTypes kernelTypes()
{
	static thread_local std::weak_ptr<struct btf> known;
	if (SharedTypes types = known.lock())
		return types;
	struct btf *loaded = btf__load_vmlinux_btf();
	if (!loaded)
		return nullptr;
	SharedTypes types = share(loaded);
	known = types;
	return types;
}

/** libbpf's own look-up would search the kernel's hundred thousand types before those of the module. */
__u32 findOwn(const struct btf *types, const std::string &name, unsigned kind)
{
	for (__u32 id = btf__type_cnt(btf__base_btf(types)); id < btf__type_cnt(types); id++) {
		const btf_type *type = btf__type_by_id(types, id);
		if (btf_kind(type) == kind && name == nameIn(types, type->name_off))
			return id;
	}
	return 0;
}

const char *nameIn(const struct btf *types, __u32 offset)
{
	const char *name = btf__name_by_offset(types, offset);
	return name ? name : "";
}

const btf_type *unwrapped(const struct btf *types, __u32 id, bool typedefs)
{
	const btf_type *type = btf__type_by_id(types, id);
	for (int depth = 0; type && (btf_is_mod(type) || (typedefs && btf_is_typedef(type))); depth++)
		type = depth < deepestType ? btf__type_by_id(types, type->type) : nullptr;
	return type;
}

Napi::Function Btf::define(Napi::Env env)
{
	return DefineClass(
		env, "Btf",
		{StaticMethod<&Btf::kernel>("kernel"), InstanceMethod<&Btf::structure>("struct"),
		 InstanceMethod<&Btf::enumValues>("enumValues"), InstanceMethod<&Btf::functionArgs>("functionArgs"),
		 InstanceMethod<&Btf::typedefFuncArgs>("typedefFuncArgs"), InstanceMethod<&Btf::variables>("variables"),
		 InstanceMethod<&Btf::tryTracing>("tryTracing"), InstanceMethod<&Btf::close>("close")});
}

Napi::Object Btf::copy(Napi::Env env, const struct btf *types, const std::string &called)
{
	__u32 size = 0;
	const void *bytes = btf__raw_data(types, &size);
	struct btf *copied = bytes ? btf__new(bytes, size) : nullptr;
	if (!copied)
		throw systemError(env, errno, "read types of", called);
	return construct(env, env.GetInstanceData<AddonData>()->btf, Types{nullptr, share(copied)});
}

Napi::Value Btf::kernel(const Napi::CallbackInfo &info)
{
	LibbpfLog log;
	Types types;
	types.own = kernelTypes();
	if (!types.own)
		throw systemError(info.Env(), errno, "read types of", "the kernel", log.tail());
	if (info[0].IsString()) {
		const std::string module = info[0].As<Napi::String>();
		types.base = std::move(types.own);
		struct btf *loaded = btf__load_module_btf(module.c_str(), types.base.get());
		if (!loaded)
			throw systemError(info.Env(), errno, "read types of", "module " + module, log.tail());
		types.own = share(loaded);
	}
	return construct(info.Env(), info.Env().GetInstanceData<AddonData>()->btf, std::move(types));
}

Btf::Btf(const Napi::CallbackInfo &info) : Napi::ObjectWrap<Btf>(info), types_(constructed<Types>(info))
{
}

Napi::Value Btf::structure(const Napi::CallbackInfo &info)
{
	const std::string name = info[0].As<Napi::String>();
	const btf_type *found = find(info.Env(), name, BTF_KIND_STRUCT);
	if (!found)
		found = find(info.Env(), name, BTF_KIND_UNION);
	return found ? describeStruct(info.Env(), types_.own.get(), found) : info.Env().Undefined();
}

Napi::Value Btf::enumValues(const Napi::CallbackInfo &info)
{
	const Napi::Env env = info.Env();
	const std::string name = info[0].As<Napi::String>();
	const btf_type *found = find(info.Env(), name, BTF_KIND_ENUM);
	if (!found)
		found = find(info.Env(), name, BTF_KIND_ENUM64);
	if (!found)
		return env.Undefined();
	Napi::Array list = Napi::Array::New(env);
	for (uint32_t i = 0; i < btf_vlen(found); i++) {
		const bool wide = btf_is_enum64(found);
		const bool isSigned = btf_kflag(found);
		const __u32 label = wide ? btf_enum64(found)[i].name_off : btf_enum(found)[i].name_off;
		const __s64 narrow = wide ? 0 : btf_enum(found)[i].val;
		const __u64 bits = wide ? btf_enum64_value(&btf_enum64(found)[i])
					: static_cast<__u64>(isSigned ? narrow : static_cast<__u32>(narrow));
		Napi::Object entry = Napi::Object::New(env);
		entry["name"] = Napi::String::New(env, nameIn(types_.own.get(), label));
		entry["value"] = Napi::Number::New(env, isSigned ? static_cast<double>(static_cast<__s64>(bits))
								 : static_cast<double>(bits));
		list[i] = entry;
	}
	return list;
}

void Btf::tryTracing(const Napi::CallbackInfo &info)
{
	const std::string name = info[0].As<Napi::String>();
	const btf_type *function = find(info.Env(), name, BTF_KIND_FUNC);
	if (!function)
		throw systemError(info.Env(), ENOENT, "find", "function " + name);
	bpf_insn zero = {}, leave = {};
	zero.code = BPF_ALU64 | BPF_MOV | BPF_K;
	leave.code = BPF_JMP | BPF_EXIT;
	const std::array<bpf_insn, 2> program = {zero, leave};
	LIBBPF_OPTS(bpf_prog_load_opts, options);
	options.expected_attach_type = BPF_TRACE_FENTRY;
	options.attach_btf_id =
		static_cast<__u32>(btf__find_by_name_kind(types_.own.get(), name.c_str(), BTF_KIND_FUNC));
	const Fd loaded(
		bpf_prog_load(BPF_PROG_TYPE_TRACING, "try_tracing", "GPL", program.data(), program.size(), &options));
	if (!loaded)
		throw systemError(info.Env(), errno, "load", "a program at the entry of " + name);
}

Napi::Value Btf::functionArgs(const Napi::CallbackInfo &info)
{
	const btf_type *function = find(info.Env(), info[0].As<Napi::String>(), BTF_KIND_FUNC);
	const btf_type *prototype = function ? btf__type_by_id(types_.own.get(), function->type) : nullptr;
	return prototype ? Napi::Number::New(info.Env(), btf_vlen(prototype)) : info.Env().Undefined();
}

Napi::Value Btf::typedefFuncArgs(const Napi::CallbackInfo &info)
{
	const btf_type *type = find(info.Env(), info[0].As<Napi::String>(), BTF_KIND_TYPEDEF);
	type = type ? unwrapped(types_.own.get(), type->type, false) : nullptr;
	type = type && btf_is_ptr(type) ? unwrapped(types_.own.get(), type->type, false) : nullptr;
	return type && btf_is_func_proto(type) ? Napi::Number::New(info.Env(), btf_vlen(type)) : info.Env().Undefined();
}

Napi::Value Btf::variables(const Napi::CallbackInfo &info)
{
	const Napi::Env env = info.Env();
	Napi::Array list = Napi::Array::New(env);
	const btf_type *section = find(info.Env(), info[0].As<Napi::String>(), BTF_KIND_DATASEC);
	for (uint32_t i = 0; section && i < btf_vlen(section); i++) {
		const btf_var_secinfo &place = btf_var_secinfos(section)[i];
		const btf_type *variable = btf__type_by_id(types_.own.get(), place.type);
		Napi::Object entry = Napi::Object::New(env);
		entry["name"] = Napi::String::New(env, variable ? nameIn(types_.own.get(), variable->name_off) : "");
		entry["offset"] = Napi::Number::New(env, place.offset);
		entry["size"] = Napi::Number::New(env, place.size);
		list[i] = entry;
	}
	return list;
}

void Btf::close(const Napi::CallbackInfo &)
{
	types_ = {};
	malloc_trim(0); // megabytes in small pieces, which the allocator would keep
}

const btf_type *Btf::find(Napi::Env env, const std::string &name, unsigned kind) const
{
	if (!types_.own)
		throw systemError(env, EBADF, "find", name, "these types are closed");
	const struct btf *own = types_.own.get();
	const __s32 id = types_.base ? static_cast<__s32>(findOwn(own, name, kind))
				     : btf__find_by_name_kind(own, name.c_str(), kind);
	return id > 0 ? btf__type_by_id(own, static_cast<__u32>(id)) : nullptr;
}

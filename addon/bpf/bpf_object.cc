// SPDX-License-Identifier: Apache-2.0
#include "bpf/bpf_object.hh"

#include "btf/btf.hh"
#include "error.hh"
#include "bpf/libbpf_log.hh"
#include "bpf/ring_buffer.hh"
#include "btf/traced_functions.hh"

#include <bpf/btf.h>

#include <cerrno>
#include <cstring>
#include <optional>

namespace
{

/** Where a global variable lies: its section, which is also its map, and the place in it. */
struct Variable {
	std::string section;
	size_t offset;
	size_t size;
};

std::optional<Variable> findVariable(const struct btf *types, const std::string &name)
{
	for (__u32 id = 1; id < btf__type_cnt(types); id++) {
		const btf_type *section = btf__type_by_id(types, id);
		if (!btf_is_datasec(section))
			continue;
		const btf_var_secinfo *variable = btf_var_secinfos(section);
		for (int left = btf_vlen(section); left > 0; left--, variable++) {
			const btf_type *type = btf__type_by_id(types, variable->type);
			if (type && btf_is_var(type) && name == nameIn(types, type->name_off))
				return Variable{nameIn(types, section->name_off), variable->offset, variable->size};
		}
	}
	return std::nullopt;
}

} // namespace

Napi::Function BpfObject::define(Napi::Env env)
{
	return DefineClass(env, "BpfObject",
			   {InstanceAccessor<&BpfObject::programs>("programs"),
			    InstanceAccessor<&BpfObject::maps>("maps"),
			    InstanceMethod<&BpfObject::setMaxEntries>("setMaxEntries"),
			    InstanceMethod<&BpfObject::setValueSize>("setValueSize"),
			    InstanceMethod<&BpfObject::reuseMap>("reuseMap"),
			    InstanceMethod<&BpfObject::setVariable>("setVariable"),
			    InstanceMethod<&BpfObject::setAutoload>("setAutoload"),
			    InstanceMethod<&BpfObject::setAttachType>("setAttachType"),
			    InstanceMethod<&BpfObject::load>("load"),
			    InstanceMethod<&BpfObject::attach>("attach"),
			    InstanceMethod<&BpfObject::mapBuffer>("mapBuffer"),
			    InstanceMethod<&BpfObject::lookup>("lookup"),
			    InstanceMethod<&BpfObject::update>("update"),
			    InstanceMethod<&BpfObject::remove>("remove"),
			    InstanceMethod<&BpfObject::entries>("entries"),
			    InstanceMethod<&BpfObject::testRun>("testRun"),
			    InstanceMethod<&BpfObject::iterate>("iterate"),
			    InstanceMethod<&BpfObject::programInfo>("programInfo"),
			    InstanceMethod<&BpfObject::ringBuffer>("ringBuffer"),
			    InstanceMethod<&BpfObject::btf>("btf"),
			    InstanceMethod<&BpfObject::close>("close")});
}

BpfObject::BpfObject(Info info) : Napi::ObjectWrap<BpfObject>(info), path_(info[0].As<Napi::String>())
{
	LibbpfLog log;
	const std::string types =
		info[2].IsNumber() ? "/proc/self/fd/" + std::to_string(info[2].As<Napi::Number>().Int32Value()) : "";
	if (info.Length() > 1) {
		const auto file = info[1].As<Napi::Uint8Array>();
		bpf_object_open_opts options{};
		options.sz = sizeof(options);
		options.object_name = basename(path_.c_str());
		options.btf_custom_path = types.empty() ? nullptr : types.c_str();
		object_.reset(bpf_object__open_mem(file.Data(), file.ByteLength(), &options));
	} else {
		object_.reset(bpf_object__open_file(path_.c_str(), nullptr));
	}
	if (!object_)
		throw systemError(info.Env(), errno, "open", path_, log.tail());
}

void BpfObject::setMaxEntries(Info info)
{
	const std::string name = info[0].As<Napi::String>();
	LibbpfLog log;
	const int error = bpf_map__set_max_entries(map(info.Env(), name), info[1].As<Napi::Number>().Uint32Value());
	if (error)
		throw systemError(info.Env(), error, "resize", called("map", name), log.tail());
}

void BpfObject::setValueSize(Info info)
{
	const std::string name = info[0].As<Napi::String>();
	const uint32_t bytes = info[1].As<Napi::Number>().Uint32Value();
	bpf_map *resized = map(info.Env(), name);
	LibbpfLog log;
	// Before libbpf 1.3 a section's initial contents are not grown along, and loading would read beyond them.
	const int error = bytes <= bpf_map__value_size(resized) ? bpf_map__set_value_size(resized, bytes) : -EINVAL;
	if (error)
		throw systemError(info.Env(), error, "resize the values of", called("map", name), log.tail());
}

void BpfObject::reuseMap(Info info)
{
	const std::string name = info[0].As<Napi::String>();
	const BpfObject *from = Unwrap(info[1].As<Napi::Object>());
	bpf_map *own = map(info.Env(), name);
	bpf_map *other = from->map(info.Env(), name);
	const int fd = from->mapFd(info.Env(), other);
	LibbpfLog log;
	// libbpf would take over the other's sizes, and this object's programs and callers would read beyond them.
	const bool same = bpf_map__type(own) == bpf_map__type(other) &&
			  bpf_map__key_size(own) == bpf_map__key_size(other) &&
			  bpf_map__value_size(own) == bpf_map__value_size(other);
	const int error = same ? bpf_map__reuse_fd(own, fd) : EINVAL;
	if (error)
		throw systemError(info.Env(), error, "reuse", from->called("map", name), log.tail());
}

void BpfObject::setVariable(Info info)
{
	const std::string name = info[0].As<Napi::String>();
	const auto bytes = info[1].As<Napi::Uint8Array>();
	bpf_object *object = opened(info.Env());
	const std::string what = called("variable", name);
	if (stage_ != Stage::opened)
		throw systemError(info.Env(), EBUSY, "set", what, "variables are fixed when the object is loaded");
	const struct btf *types = bpf_object__btf(object);
	const std::optional<Variable> variable = types ? findVariable(types, name) : std::nullopt;
	if (!variable)
		throw systemError(info.Env(), ENOENT, "set", what);
	if (variable->size != bytes.ByteLength())
		throw systemError(info.Env(), EINVAL, "set", what,
				  "it has " + std::to_string(variable->size) + " bytes, not " +
					  std::to_string(bytes.ByteLength()));
	bpf_map *section = map(info.Env(), variable->section);
	size_t size = 0;
	const auto *initial = static_cast<const uint8_t *>(bpf_map__initial_value(section, &size));
	if (!initial || variable->offset + variable->size > size)
		throw systemError(info.Env(), EINVAL, "set", what, "it has no initial value");
	std::vector<uint8_t> values(initial, initial + size);
	memcpy(values.data() + variable->offset, bytes.Data(), variable->size);
	if (const int error = bpf_map__set_initial_value(section, values.data(), size))
		throw systemError(info.Env(), error, "set", what);
}

void BpfObject::load(Info info)
{
	bpf_object *object = opened(info.Env());
	const auto list = info[0].As<Napi::Array>();
	std::vector<std::string> modules;
	for (uint32_t i = 0; i < list.Length(); i++)
		modules.push_back(list.Get(i).As<Napi::String>());
	LibbpfLog log;
	const TracedFunctions functions(modules);
	const int error = bpf_object__load(object);
	if (stage_ == Stage::opened)
		stage_ = error ? Stage::refused : Stage::loaded;
	if (!error)
		return;
	const std::string refused = log.program();
	throw systemError(info.Env(), error, "load", refused.empty() ? path_ : called("program", refused), log.tail());
}

Napi::Value BpfObject::ringBuffer(Info info)
{
	const std::string name = info[0].As<Napi::String>();
	const int fd = mapFd(info.Env(), map(info.Env(), name));
	return RingBuffer::create(info.Env(), fd, called("map", name));
}

Napi::Value BpfObject::btf(Info info)
{
	const struct btf *own = bpf_object__btf(opened(info.Env()));
	if (!own)
		throw systemError(info.Env(), ENOENT, "read types of", path_);
	return Btf::copy(info.Env(), own, path_);
}

void BpfObject::close(Info)
{
	release();
}

void BpfObject::release()
{
	for (const SharedLink &link : links_)
		link->reset();
	links_.clear();
	object_.reset();
}

bpf_object *BpfObject::opened(Napi::Env env) const
{
	if (!object_)
		throw systemError(env, EBADF, "use", path_, "the object is closed");
	return object_.get();
}

bpf_object *BpfObject::loaded(Napi::Env env) const
{
	bpf_object *object = opened(env);
	if (stage_ != Stage::loaded)
		throw systemError(env, EINVAL, "use", path_, "the object is not loaded");
	return object;
}

std::string BpfObject::called(std::string_view kind, std::string_view name) const
{
	return std::string(kind).append(" ").append(name).append(" of ").append(path_);
}

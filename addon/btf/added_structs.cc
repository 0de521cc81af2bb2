// SPDX-License-Identifier: Apache-2.0
#include "btf/added_structs.hh"

#include "btf/btf.hh"
#include "error.hh"
#include "fd.hh"
#include "bpf/libbpf_log.hh"

#include <sys/mman.h>

#include <algorithm>
#include <cerrno>
#include <string_view>
#include <vector>

namespace
{

constexpr std::string_view structPrefix = "struct ";

__u32 roundUp(__u32 offset, __u32 alignment)
{
	return (offset + alignment - 1) / alignment * alignment;
}

/** The number of a type by its name in C; 0: the kernel has none. */
__u32 findType(const struct btf *types, const std::string &name)
{
	if (name.starts_with(structPrefix)) {
		const int found = btf__find_by_name_kind(types, name.c_str() + structPrefix.size(), BTF_KIND_STRUCT);
		return found > 0 ? static_cast<__u32>(found) : 0;
	}
	for (const __u32 kind : {BTF_KIND_INT, BTF_KIND_TYPEDEF}) {
		const int found = btf__find_by_name_kind(types, name.c_str(), kind);
		if (found > 0)
			return static_cast<__u32>(found);
	}
	return 0;
}

/** A field as JavaScript names it, with its type in the set. */
struct Field {
	std::string name;
	__u32 type;
	__u32 offset;
};

/** Adds what a struct is to be made of, and places its fields as the compiler does; returns its size. */
__u32 placeFields(struct btf *types, Napi::Array list, __u32 pointer, std::vector<Field> &fields)
{
	const Napi::Env env = list.Env();
	__u32 offset = 0;
	__u32 alignment = 1;
	for (uint32_t i = 0; i < list.Length(); i++) {
		const Napi::Object field = list.Get(i).As<Napi::Object>();
		const std::string called = field.Get("type").As<Napi::String>();
		const Napi::Value count = field.Get("count");
		const Napi::Value aligned = field.Get("align");
		__u32 type = called == "pointer" ? pointer : findType(types, called);
		if (!type)
			throw systemError(env, ENOENT, "find", "type " + called);
		const int natural = btf__align_of(types, type);
		const __s64 size = btf__resolve_size(types, type);
		if (natural <= 0 || size < 0)
			throw systemError(env, EINVAL, "find", "the size of type " + called);
		__u32 own = static_cast<__u32>(natural);
		if (aligned.IsNumber())
			own = std::max(own, aligned.As<Napi::Number>().Uint32Value());
		if (count.IsNumber()) {
			const __u32 index = findType(types, "int");
			type = static_cast<__u32>(btf__add_array(types, static_cast<int>(index), static_cast<int>(type),
								 count.As<Napi::Number>().Uint32Value()));
		}
		offset = roundUp(offset, own);
		alignment = std::max(alignment, own);
		fields.push_back({field.Get("name").As<Napi::String>(), type, offset});
		offset += static_cast<__u32>(btf__resolve_size(types, type));
	}
	return roundUp(offset, alignment);
}

void addStruct(struct btf *types, Napi::Object description, __u32 pointer)
{
	const Napi::Env env = description.Env();
	const std::string name = description.Get("name").As<Napi::String>();
	std::vector<Field> fields;
	const __u32 size = placeFields(types, description.Get("fields").As<Napi::Array>(), pointer, fields);
	int error = btf__add_struct(types, name.c_str(), size);
	for (const Field &field : fields) {
		if (error < 0)
			break;
		error = btf__add_field(types, field.name.c_str(), static_cast<int>(field.type), field.offset * 8, 0);
	}
	if (error < 0)
		throw systemError(env, error, "add", "struct " + name);
}

} // namespace

Napi::Value typesWithStructs(const Napi::CallbackInfo &info)
{
	const Napi::Env env = info.Env();
	LibbpfLog log;
	// A copy of its own: others hold what kernelTypes() gives.
	const SharedTypes types = share(btf__load_vmlinux_btf());
	if (!types)
		throw systemError(env, errno, "read types of", "the kernel", log.tail());
	const int pointer = btf__add_ptr(types.get(), 0);
	const auto list = info[0].As<Napi::Array>();
	for (uint32_t i = 0; i < list.Length(); i++)
		addStruct(types.get(), list.Get(i).As<Napi::Object>(), static_cast<__u32>(pointer));
	__u32 length = 0;
	const auto *bytes = static_cast<const char *>(btf__raw_data(types.get(), &length));
	Fd file(memfd_create("types", MFD_CLOEXEC));
	for (__u32 written = 0; file && written < length;) {
		const ssize_t more = write(file.get(), bytes + written, length - written);
		if (more <= 0)
			throw systemError(env, errno, "write", "types of the kernel");
		written += static_cast<__u32>(more);
	}
	if (!file || !bytes)
		throw systemError(env, errno, "write", "types of the kernel");
	return Napi::Number::New(env, file.release());
}

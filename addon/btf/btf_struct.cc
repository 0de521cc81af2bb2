// SPDX-License-Identifier: Apache-2.0
#include "btf/btf_struct.hh"

#include "btf/btf.hh"

#include <string>

namespace
{

/** Past typedefs, const, volatile, restrict and type tags; null for void. */
const btf_type *resolve(const struct btf *types, __u32 id)
{
	const btf_type *type = unwrapped(types, id, true);
	return type && !btf_is_void(type) ? type : nullptr;
}

std::string typeName(const struct btf *types, __u32 id, int depth = 0)
{
	const btf_type *type = unwrapped(types, id, false);
	if (!type || btf_is_void(type) || depth > deepestType)
		return "void";
	const std::string name = nameIn(types, type->name_off);
	const auto tagged = [&name](const char *tag) { return name.empty() ? tag : std::string(tag) + " " + name; };
	switch (btf_kind(type)) {
	case BTF_KIND_PTR:
		return typeName(types, type->type, depth + 1) + " *";
	case BTF_KIND_ARRAY:
		return typeName(types, btf_array(type)->type, depth + 1);
	case BTF_KIND_STRUCT:
		return tagged("struct");
	case BTF_KIND_UNION:
		return tagged("union");
	case BTF_KIND_FWD:
		return tagged(btf_kflag(type) ? "union" : "struct");
	case BTF_KIND_ENUM:
	case BTF_KIND_ENUM64:
		return tagged("enum");
	case BTF_KIND_FUNC_PROTO:
		return "function";
	default:
		return name;
	}
}

const char *kindOf(const btf_type *type)
{
	if (!type)
		return "other";
	switch (btf_kind(type)) {
	case BTF_KIND_INT:
		return "int";
	case BTF_KIND_PTR:
		return "ptr";
	case BTF_KIND_STRUCT:
	case BTF_KIND_UNION:
		return "struct";
	case BTF_KIND_ARRAY:
		return "array";
	case BTF_KIND_ENUM:
	case BTF_KIND_ENUM64:
		return "enum";
	default:
		return "other";
	}
}

/** Elements of an array, of all its dimensions; 1 for anything else. */
double countOf(const struct btf *types, const btf_type *type)
{
	double count = 1;
	for (int depth = 0; type && btf_is_array(type) && depth < deepestType; depth++) {
		count *= btf_array(type)->nelems;
		type = resolve(types, btf_array(type)->type);
	}
	return count;
}

void addFields(Napi::Array list, const struct btf *types, const btf_type *structure, __u32 baseBits, int depth = 0)
{
	const Napi::Env env = list.Env();
	for (uint32_t i = 0; i < btf_vlen(structure); i++) {
		const btf_member &member = btf_members(structure)[i];
		const char *name = nameIn(types, member.name_off);
		const __u32 bits = baseBits + btf_member_bit_offset(structure, i);
		const btf_type *type = resolve(types, member.type);
		if (!*name && type && btf_is_composite(type) && depth < deepestType) {
			addFields(list, types, type, bits, depth + 1);
			continue;
		}
		const __s64 size = btf__resolve_size(types, member.type);
		const bool isBits = btf_member_bitfield_size(structure, i) != 0;
		Napi::Object field = Napi::Object::New(env);
		field["name"] = Napi::String::New(env, name);
		field["offset"] = Napi::Number::New(env, bits / 8);
		field["size"] = Napi::Number::New(env, size > 0 ? static_cast<double>(size) : 0);
		field["count"] = Napi::Number::New(env, countOf(types, type));
		field["kind"] = Napi::String::New(env, isBits ? "other" : kindOf(type));
		field["type"] = Napi::String::New(env, typeName(types, member.type));
		list[list.Length()] = field;
	}
}

} // namespace

Napi::Value describeStruct(Napi::Env env, const struct btf *types, const btf_type *type)
{
	Napi::Array fields = Napi::Array::New(env);
	addFields(fields, types, type, 0);
	Napi::Object description = Napi::Object::New(env);
	description["size"] = Napi::Number::New(env, type->size);
	description["fields"] = fields;
	return description;
}

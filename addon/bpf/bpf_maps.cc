// SPDX-License-Identifier: Apache-2.0
#include "bpf/bpf_object.hh"

#include "error.hh"
#include "bpf/map_entries.hh"

#include <bpf/bpf.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>

namespace
{

/** Owns a piece of mapped memory; the finalizer of its buffer owns this. */
class Mapping
{
public:
	Mapping(void *address, size_t length) : address_(address), length_(length) {}
	Mapping(const Mapping &) = delete;
	Mapping &operator=(const Mapping &) = delete;
	~Mapping() { munmap(address_, length_); }

private:
	void *address_;
	size_t length_;
};

size_t roundUp(size_t size, size_t unit)
{
	return (size + unit - 1) / unit * unit;
}

void unmap(napi_env, void *, void *mapping)
{
	const std::unique_ptr<Mapping> last(static_cast<Mapping *>(mapping));
}

/** Bytes that have this length, or else EINVAL: the kernel copies as many as the map says, whatever room there is. */
uint8_t *bytesOf(const Napi::Value &array, size_t length, const char *action, const std::string &map, const char *parts)
{
	auto bytes = array.As<Napi::Uint8Array>();
	if (bytes.ByteLength() != length)
		throw systemError(array.Env(), EINVAL, action, map,
				  std::string("its ") + parts + " have " + std::to_string(length) + " bytes, not " +
					  std::to_string(bytes.ByteLength()));
	return bytes.Data();
}

} // namespace

Napi::Value BpfObject::maps(Info info)
{
	bpf_object *object = opened(info.Env());
	Napi::Array list = Napi::Array::New(info.Env());
	bpf_map *map = nullptr;
	bpf_object__for_each_map(map, object)
	{
		Napi::Object entry = Napi::Object::New(info.Env());
		entry["name"] = Napi::String::New(info.Env(), bpf_map__name(map));
		entry["type"] = Napi::Number::New(info.Env(), bpf_map__type(map));
		entry["keySize"] = Napi::Number::New(info.Env(), bpf_map__key_size(map));
		entry["valueSize"] = Napi::Number::New(info.Env(), bpf_map__value_size(map));
		entry["copySize"] = Napi::Number::New(info.Env(), static_cast<double>(valueLength(info.Env(), map)));
		entry["maxEntries"] = Napi::Number::New(info.Env(), bpf_map__max_entries(map));
		entry["flags"] = Napi::Number::New(info.Env(), bpf_map__map_flags(map));
		list[list.Length()] = entry;
	}
	return list;
}

Napi::Value BpfObject::mapBuffer(Info info)
{
	const std::string name = info[0].As<Napi::String>();
	bpf_map *found = map(info.Env(), name);
	const int fd = mapFd(info.Env(), found);
	// The kernel lays array values out at multiples of 8 and maps whole pages.
	const size_t length = roundUp(bpf_map__value_size(found), 8) * bpf_map__max_entries(found);
	const size_t mapped = roundUp(length, static_cast<size_t>(sysconf(_SC_PAGESIZE)));
	void *address = mmap(nullptr, mapped, PROT_READ, MAP_SHARED, fd, 0);
	if (address == MAP_FAILED)
		throw systemError(info.Env(), errno, "map into memory", called("map", name));
	auto mapping = std::make_unique<Mapping>(address, mapped);
	napi_value buffer = nullptr;
	const napi_status status =
		napi_create_external_arraybuffer(info.Env(), address, length, unmap, mapping.get(), &buffer);
	if (status == napi_no_external_buffers_allowed)
		throw systemError(info.Env(), ENOTSUP, "map into memory", called("map", name),
				  "this Node.js was built without external buffers; use an official build");
	if (status != napi_ok)
		throw Napi::Error::New(info.Env());
	static_cast<void>(mapping.release()); // the buffer's finalizer owns it
	return Napi::Value(info.Env(), buffer);
}

Napi::Value BpfObject::lookup(Info info)
{
	const std::string name = info[0].As<Napi::String>();
	bpf_map *found = map(info.Env(), name);
	const int fd = mapFd(info.Env(), found);
	const std::string what = called("map", name);
	const char *action = "look up in";
	const uint8_t *key = bytesOf(info[1], bpf_map__key_size(found), action, what, "keys");
	uint8_t *value = bytesOf(info[2], valueLength(info.Env(), found), action, what, "values");
	const int error = bpf_map_lookup_elem(fd, key, value);
	if (error && error != -ENOENT)
		throw systemError(info.Env(), error, action, what);
	return Napi::Boolean::New(info.Env(), !error);
}

void BpfObject::update(Info info)
{
	const std::string name = info[0].As<Napi::String>();
	bpf_map *found = map(info.Env(), name);
	const int fd = mapFd(info.Env(), found);
	const std::string what = called("map", name);
	const char *action = "update";
	const uint8_t *key = bytesOf(info[1], bpf_map__key_size(found), action, what, "keys");
	const uint8_t *value = bytesOf(info[2], valueLength(info.Env(), found), action, what, "values");
	const int64_t flags = info[3].IsNumber() ? info[3].As<Napi::Number>().Int64Value() : 0;
	if (const int error = bpf_map_update_elem(fd, key, value, static_cast<__u64>(flags)))
		throw systemError(info.Env(), error, action, what);
}

Napi::Value BpfObject::remove(Info info)
{
	const std::string name = info[0].As<Napi::String>();
	bpf_map *found = map(info.Env(), name);
	const int fd = mapFd(info.Env(), found);
	const std::string what = called("map", name);
	const char *action = "remove from";
	const uint8_t *key = bytesOf(info[1], bpf_map__key_size(found), action, what, "keys");
	const int error = bpf_map_delete_elem(fd, key);
	if (error && error != -ENOENT)
		throw systemError(info.Env(), error, action, what);
	return Napi::Boolean::New(info.Env(), !error);
}

Napi::Value BpfObject::entries(Info info)
{
	const std::string name = info[0].As<Napi::String>();
	bpf_map *found = map(info.Env(), name);
	auto keys = info[1].As<Napi::Uint8Array>();
	auto values = info[2].As<Napi::Uint8Array>();
	const MapEntries room{mapFd(info.Env(), found),
			      bpf_map__key_size(found),
			      valueLength(info.Env(), found),
			      {keys.Data(), keys.ByteLength()},
			      {values.Data(), values.ByteLength()}};
	const int64_t count = readEntries(room);
	if (count < 0)
		throw systemError(info.Env(), static_cast<int>(count), "read", called("map", name));
	return Napi::Number::New(info.Env(), static_cast<double>(count));
}

bpf_map *BpfObject::map(Napi::Env env, const std::string &name) const
{
	bpf_map *found = bpf_object__find_map_by_name(opened(env), name.c_str());
	if (!found)
		throw systemError(env, ENOENT, "find", called("map", name));
	return found;
}

int BpfObject::mapFd(Napi::Env env, bpf_map *map) const
{
	loaded(env);
	const int fd = bpf_map__fd(map);
	if (fd < 0)
		throw systemError(env, EINVAL, "use", called("map", bpf_map__name(map)), "the kernel has no such map");
	return fd;
}

size_t BpfObject::valueLength(Napi::Env env, const bpf_map *map) const
{
	const int64_t length = copySize(map);
	if (length < 0)
		throw systemError(env, static_cast<int>(length), "count CPUs for", called("map", bpf_map__name(map)));
	return static_cast<size_t>(length);
}

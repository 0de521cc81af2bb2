// SPDX-License-Identifier: Apache-2.0
#include "bpf/bpf_object.hh"

#include "error.hh"
#include "fd.hh"
#include "bpf/libbpf_log.hh"

#include <bpf/bpf.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace
{

/** The kernel fills at most a page or so each time; more room only saves growing. */
constexpr size_t readRoom = 65536;

/** Reads an iterator to its end; returns 0 or a positive errno. */
int readAll(int fd, std::vector<uint8_t> &bytes)
{
	size_t length = 0;
	for (;;) {
		if (bytes.size() - length < readRoom)
			bytes.resize(bytes.size() * 2 + readRoom);
		const ssize_t got = read(fd, bytes.data() + length, bytes.size() - length);
		if (got > 0) {
			length += static_cast<size_t>(got);
			continue;
		}
		// EAGAIN: the kernel skipped a million objects without a match and wants to be asked again.
		if (got < 0 && (errno == EAGAIN || errno == EINTR))
			continue;
		bytes.resize(length);
		return got < 0 ? errno : 0;
	}
}

} // namespace

Napi::Value BpfObject::programs(Info info)
{
	bpf_object *object = opened(info.Env());
	Napi::Array list = Napi::Array::New(info.Env());
	bpf_program *program = nullptr;
	bpf_object__for_each_program(program, object)
	{
		Napi::Object entry = Napi::Object::New(info.Env());
		entry["name"] = Napi::String::New(info.Env(), bpf_program__name(program));
		entry["section"] = Napi::String::New(info.Env(), bpf_program__section_name(program));
		list[list.Length()] = entry;
	}
	return list;
}

void BpfObject::setAutoload(Info info)
{
	const std::string name = info[0].As<Napi::String>();
	const int error = bpf_program__set_autoload(program(info.Env(), name), info[1].As<Napi::Boolean>());
	if (error)
		throw systemError(info.Env(), error, "choose", called("program", name), "the object is loaded already");
}

void BpfObject::setAttachType(Info info)
{
	const std::string name = info[0].As<Napi::String>();
	const auto type = static_cast<bpf_attach_type>(info[1].As<Napi::Number>().Int32Value());
	const int error = bpf_program__set_expected_attach_type(program(info.Env(), name), type);
	if (error)
		throw systemError(info.Env(), error, "set attach type of", called("program", name));
}

Napi::Value BpfObject::attach(Info info)
{
	const std::string name = info[0].As<Napi::String>();
	bpf_program *found = program(info.Env(), name);
	programFd(info.Env(), found);
	LibbpfLog log;
	LinkPtr link(bpf_program__attach(found));
	if (!link)
		throw systemError(info.Env(), errno, "attach", called("program", name), log.tail());
	// Programs come and go while the object lives: forget those that were detached.
	std::erase_if(links_, [](const SharedLink &known) { return !*known; });
	links_.push_back(std::make_shared<LinkPtr>(std::move(link)));
	return BpfLink::create(info.Env(), links_.back());
}

Napi::Value BpfObject::testRun(Info info)
{
	const std::string name = info[0].As<Napi::String>();
	auto context = info[1].As<Napi::Uint8Array>();
	// A syscall program takes no ctx_out (EINVAL): the kernel writes the context back to ctx_in.
	bpf_test_run_opts options{};
	options.sz = sizeof(options);
	options.ctx_in = context.ByteLength() ? context.Data() : nullptr;
	options.ctx_size_in = static_cast<__u32>(context.ByteLength());
	const int error = bpf_prog_test_run_opts(programFd(info.Env(), program(info.Env(), name)), &options);
	if (error)
		throw systemError(info.Env(), error, "run", called("program", name));
	return Napi::Number::New(info.Env(), static_cast<int32_t>(options.retval));
}

Napi::Value BpfObject::iterate(Info info)
{
	const std::string name = info[0].As<Napi::String>();
	bpf_program *found = program(info.Env(), name);
	programFd(info.Env(), found);
	LibbpfLog log;
	const LinkPtr link(bpf_program__attach_iter(found, nullptr));
	if (!link)
		throw systemError(info.Env(), errno, "attach", called("program", name), log.tail());
	const Fd iterator(bpf_iter_create(bpf_link__fd(link.get())));
	if (!iterator)
		throw systemError(info.Env(), errno, "start", called("program", name));
	std::vector<uint8_t> bytes;
	if (const int error = readAll(iterator.get(), bytes))
		throw systemError(info.Env(), error, "read", called("program", name));
	Napi::Uint8Array result = Napi::Uint8Array::New(info.Env(), bytes.size());
	if (!bytes.empty())
		memcpy(result.Data(), bytes.data(), bytes.size());
	return result;
}

Napi::Value BpfObject::programInfo(Info info)
{
	const std::string name = info[0].As<Napi::String>();
	bpf_prog_info kernel{};
	__u32 size = sizeof(kernel);
	const int fd = programFd(info.Env(), program(info.Env(), name));
	if (const int error = bpf_obj_get_info_by_fd(fd, &kernel, &size))
		throw systemError(info.Env(), error, "read statistics of", called("program", name));
	Napi::Object result = Napi::Object::New(info.Env());
	result["id"] = Napi::Number::New(info.Env(), kernel.id);
	result["runCount"] = Napi::BigInt::New(info.Env(), static_cast<uint64_t>(kernel.run_cnt));
	result["runTimeNs"] = Napi::BigInt::New(info.Env(), static_cast<uint64_t>(kernel.run_time_ns));
	result["recursionMisses"] = Napi::BigInt::New(info.Env(), static_cast<uint64_t>(kernel.recursion_misses));
	return result;
}

bpf_program *BpfObject::program(Napi::Env env, const std::string &name) const
{
	bpf_program *found = bpf_object__find_program_by_name(opened(env), name.c_str());
	if (!found)
		throw systemError(env, ENOENT, "find", called("program", name));
	return found;
}

int BpfObject::programFd(Napi::Env env, bpf_program *program) const
{
	loaded(env);
	const int fd = bpf_program__fd(program);
	if (fd < 0)
		throw systemError(env, EINVAL, "use", called("program", bpf_program__name(program)),
				  "it was not loaded with the object");
	return fd;
}

// SPDX-License-Identifier: Apache-2.0
#include "btf/traced_functions.hh"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <mutex>

namespace
{

thread_local TracedFunctions *asked = nullptr;

/** The kernel has BTF objects of its own, of modules and of programs, all without order; "" for what is no module. */
std::string moduleOf(int types)
{
	char name[64] = "";
	bpf_btf_info info{};
	info.name = reinterpret_cast<__u64>(name);
	info.name_len = sizeof(name);
	__u32 size = sizeof(info);
	return bpf_obj_get_info_by_fd(types, &info, &size) == 0 && info.kernel_btf ? name : "";
}

} // namespace

struct LibbpfHandler {
	static int prepareLoad(bpf_program *program, bpf_prog_load_opts *options, long)
	{
		const char *slash = strchr(bpf_program__section_name(program), '/');
		if (!slash || !asked)
			return -EINVAL;
		const std::string function = slash + 1;
		for (const auto &[types, own] : asked->modules_)
			if (const __u32 id = findOwn(own.get(), function, BTF_KIND_FUNC)) {
				options->attach_btf_obj_fd = static_cast<__u32>(types.get());
				options->attach_btf_id = id;
				return 0;
			}
		const struct btf *kernel = asked->kernel_.get();
		const __s32 id = kernel ? btf__find_by_name_kind(kernel, function.c_str(), BTF_KIND_FUNC) : 0;
		if (id <= 0)
			return asked->obstacle_;
		options->attach_btf_id = static_cast<__u32>(id);
		return 0;
	}

	static int attach(const bpf_program *program, long, bpf_link **link)
	{
		*link = bpf_program__attach_trace(program);
		return *link ? 0 : -errno;
	}
};

TracedFunctions::TracedFunctions(const std::vector<std::string> &modules) : kernel_(kernelTypes())
{
	modules_.resize(modules.size());
	int error = kernel_ ? 0 : -ENOENT;
	for (__u32 id = 0; error == 0 && (error = bpf_btf_get_next_id(id, &id)) == 0;) {
		Fd types(bpf_btf_get_fd_by_id(id));
		const auto wanted = std::find(modules.begin(), modules.end(), types ? moduleOf(types.get()) : "");
		if (wanted == modules.end())
			continue;
		struct btf *own = btf__load_from_kernel_by_id_split(id, kernel_.get());
		if (own)
			modules_[static_cast<size_t>(wanted - modules.begin())] = {std::move(types), share(own)};
		else if (errno != ENOENT)
			error = -errno;
	}
	// A function of a module that cannot be seen, for want of a right or of memory, is not missing.
	obstacle_ = error == -ENOENT ? -ESRCH : error;
	std::erase_if(modules_, [](const Module &module) { return !module.own; });
	asked = this;
}

TracedFunctions::~TracedFunctions()
{
	asked = nullptr;
}

void TracedFunctions::install()
{
	static std::once_flag once;
	std::call_once(once, [] {
		libbpf_prog_handler_opts handler{};
		handler.sz = sizeof(handler);
		handler.prog_prepare_load_fn = LibbpfHandler::prepareLoad;
		handler.prog_attach_fn = LibbpfHandler::attach;
		libbpf_register_prog_handler("fentry/", BPF_PROG_TYPE_TRACING, BPF_TRACE_FENTRY, &handler);
		libbpf_register_prog_handler("fexit/", BPF_PROG_TYPE_TRACING, BPF_TRACE_FEXIT, &handler);
	});
}

// SPDX-License-Identifier: Apache-2.0
#include "bpf/run_statistics.hh"

#include "error.hh"

#include <bpf/bpf.h>

Napi::Function RunStatistics::define(Napi::Env env)
{
	return DefineClass(env, "RunStatistics", {InstanceMethod<&RunStatistics::close>("close")});
}

RunStatistics::RunStatistics(const Napi::CallbackInfo &info) : Napi::ObjectWrap<RunStatistics>(info)
{
	const int fd = bpf_enable_stats(BPF_STATS_RUN_TIME);
	if (fd < 0)
		throw systemError(info.Env(), fd, "enable", "the kernel's statistics of BPF programs");
	enabled_.reset(fd);
}

void RunStatistics::close(const Napi::CallbackInfo &)
{
	enabled_.reset();
}

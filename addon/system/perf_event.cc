// SPDX-License-Identifier: Apache-2.0
#include "system/perf_event.hh"

#include "error.hh"

#include <linux/perf_event.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>

Napi::Value openPerfEvent(const Napi::CallbackInfo &info)
{
	perf_event_attr attributes = {};
	attributes.size = sizeof(attributes);
	attributes.type = info[0].As<Napi::Number>().Uint32Value();
	attributes.config = info[1].As<Napi::Number>().Uint32Value();
	attributes.read_format = PERF_FORMAT_TOTAL_TIME_ENABLED | PERF_FORMAT_TOTAL_TIME_RUNNING;
	const int tid = info[2].As<Napi::Number>().Int32Value();
	// Counts on each CPU that the thread runs on (-1), in no group.
	const long fd = syscall(SYS_perf_event_open, &attributes, tid, -1, -1, PERF_FLAG_FD_CLOEXEC);
	if (fd < 0)
		throw systemError(info.Env(), errno, "open perf event for", "thread " + std::to_string(tid));
	return Napi::Number::New(info.Env(), static_cast<double>(fd));
}

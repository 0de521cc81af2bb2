// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "fd.hh"

#include <napi.h>

#include <linux/perf_event.h>

/** Where a thread is, so many times a second. Only JavaScript's thread touches it. */
class PerfSampler final : public Napi::ObjectWrap<PerfSampler>
{
public:
	static Napi::Function define(Napi::Env env);

	explicit PerfSampler(const Napi::CallbackInfo &info);
	~PerfSampler() override;

private:
	Napi::Value addresses(const Napi::CallbackInfo &info);
	void close(const Napi::CallbackInfo &info);
	void unmap();

	Fd event_;
	/** The kernel's page, and the records behind it. */
	perf_event_mmap_page *page_ = nullptr;
};

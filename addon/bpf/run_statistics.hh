// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "fd.hh"

#include <napi.h>

/** While one is open, the kernel counts runs and time of BPF programs. Only JavaScript's thread touches it. */
class RunStatistics final : public Napi::ObjectWrap<RunStatistics>
{
public:
	static Napi::Function define(Napi::Env env);

	explicit RunStatistics(const Napi::CallbackInfo &info);

private:
	void close(const Napi::CallbackInfo &info);

	Fd enabled_;
};

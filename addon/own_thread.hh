// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "fd.hh"

#include <napi.h>

#include <functional>
#include <string_view>
#include <thread>

/** A thread that waits in place of Node. Made, started and ended on JavaScript's thread. */
class OwnThread
{
public:
	/** `object`: what it is in an error. Throws one if there is no descriptor left. */
	OwnThread(Napi::Env env, std::string_view object);

	/** `name`: what ps(1) shows, at most 15 characters. Throws an Error if the system starts none. */
	void start(const char *name, std::function<void()> serve);

	bool isRunning() const { return thread_.joinable(); }

	/** A descriptor that is readable from end() on: the thread waits for it beside all else. */
	int endEvent() const { return endEvent_.get(); }

	/** Waits until `serve` has returned. */
	void end();

private:
	Napi::Env env_;
	std::string_view object_;
	Fd endEvent_;
	std::thread thread_;
};

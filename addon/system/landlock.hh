// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "fd.hh"

#include <napi.h>

/** landlockVersion(): as tapscope.d.ts says. */
Napi::Value landlockVersion(const Napi::CallbackInfo &info);

/** What a process may reach from then on: files and folders for reading, and TCP ports. What does not exist is left
 * out. */
class Rules
{
public:
	/** `reach`: as tapscope.d.ts says. Throws where the kernel has Landlock and refuses the rules; without it there
	 * are none. */
	Rules(Napi::Env env, const Napi::Object &reach);

	/** The kernel has Landlock and takes no such rules. */
	static Napi::Error refused(Napi::Env env, int error);

	/** One more, by a descriptor. System calls only. */
	bool addFolder(int folder) const;

	/** The rules hold from now on, for this thread and all that it starts. System calls only; false: see errno. */
	bool obey() const;

private:
	/** -1: the kernel has no Landlock. */
	Fd rules_;
};

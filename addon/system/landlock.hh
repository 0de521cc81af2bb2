// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "fd.hh"

#include <napi.h>

#include <string>
#include <vector>

/** landlockVersion(): of the kernel's rules about files; 0: it has none, or they are switched off. */
Napi::Value landlockVersion(const Napi::CallbackInfo &info);

/** Rules by which a process may read these files, and what is in these folders, and nothing else. What does not exist
 * is left out. */
class FileRules
{
public:
	/** Throws nothing: a kernel without Landlock has no rules. */
	explicit FileRules(const std::vector<std::string> &readable);

	/** One more, by a descriptor. System calls only. */
	bool addFolder(int folder) const;

	/** The rules hold from now on, for this thread and all that it starts. System calls only; false: see errno. */
	bool obey() const;

private:
	Fd rules_;
};

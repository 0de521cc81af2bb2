// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "btf/btf.hh"
#include "fd.hh"

#include <string>
#include <vector>

/**
 * Finds the functions that fentry and fexit programs attach to, while it lives, for the objects that its thread loads.
 * libbpf would search all types of the kernel for each function, again for every module that was loaded earlier than
 * the function's own. The modules in question have a few hundred types only.
 */
class TracedFunctions
{
public:
	/** Looks into these modules, as far as they are loaded, in this order; then into the kernel proper. */
	explicit TracedFunctions(const std::vector<std::string> &modules);
	~TracedFunctions();
	TracedFunctions(const TracedFunctions &) = delete;
	TracedFunctions &operator=(const TracedFunctions &) = delete;

	/** Makes libbpf ask here, for the whole process. */
	static void install();

private:
	friend struct LibbpfHandler;

	struct Module {
		Fd types;
		SharedTypes own;
	};

	SharedTypes kernel_;
	std::vector<Module> modules_;
	/** Why a function is not found: a negative errno. */
	int obstacle_;
};

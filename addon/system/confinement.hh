// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <napi.h>

/** confine(user, parent, connects): as tapscope.d.ts says; the calls are in allowed_calls.hh. */
void confine(const Napi::CallbackInfo &info);

/** refuseUnused(startsProcesses, hasRing): for all threads and what they start, the list of the process that counts. */
void refuseUnused(const Napi::CallbackInfo &info);

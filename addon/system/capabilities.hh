// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <napi.h>

/** keepCapabilities(numbers): all threads of this process, and what they start, have these capabilities at most. */
void keepCapabilities(const Napi::CallbackInfo &info);

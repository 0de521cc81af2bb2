// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <napi.h>

/** JavaScript's netlinkRequest(netnsPath, message). */
Napi::Value netlinkRequest(const Napi::CallbackInfo &info);

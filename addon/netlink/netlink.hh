// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <napi.h>

/** JavaScript's netlinkRequest(netnsPath, message, mostBytes). */
Napi::Value netlinkRequest(const Napi::CallbackInfo &info);

/** JavaScript's namespaceFile(netnsPath, name, mostBytes). */
Napi::Value namespaceFile(const Napi::CallbackInfo &info);

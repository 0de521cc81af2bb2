// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <napi.h>

/** Types of the kernel and, behind them, structs that its types lack; see addon/tapscope.d.ts. */
Napi::Value typesWithStructs(const Napi::CallbackInfo &info);

// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <napi.h>

/** textSymbols(path, names), as tapscope.d.ts says. */
Napi::Value textSymbols(const Napi::CallbackInfo &info);
/** textSymbolsAt(path, addresses), as tapscope.d.ts says. */
Napi::Value textSymbolsAt(const Napi::CallbackInfo &info);

// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <napi.h>

/** startSecondProcess(program, words, descriptors, reach): as tapscope.d.ts says. */
Napi::Value startSecondProcess(const Napi::CallbackInfo &info);

/** endOfSecondProcess(pid): wait(2)'s status, once; undefined while it runs. */
Napi::Value endOfSecondProcess(const Napi::CallbackInfo &info);

/** becomeConfined([program, words…], reach): returns only by throwing. */
void becomeConfined(const Napi::CallbackInfo &info);

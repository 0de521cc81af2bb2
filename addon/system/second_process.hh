// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <napi.h>

/**
 * startSecondProcess(program, arguments, descriptors): its pid. The descriptors become 3, 4, … there, all others but 0,
 * 1 and 2 are closed. It can never gain a right by executing a program, and where this process is not root it has no
 * capability.
 */
Napi::Value startSecondProcess(const Napi::CallbackInfo &info);

/** endOfSecondProcess(pid): wait(2)'s status, once; undefined while it runs. */
Napi::Value endOfSecondProcess(const Napi::CallbackInfo &info);

/** becomeConfined([program, words…], readable): this process becomes the program, with rules about files. Returns only
 * by throwing. */
void becomeConfined(const Napi::CallbackInfo &info);

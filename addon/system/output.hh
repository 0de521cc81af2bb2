// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <napi.h>

/** writeNow(descriptor, bytes): how many of them it took at once; EAGAIN: none. */
Napi::Value writeNow(const Napi::CallbackInfo &info);

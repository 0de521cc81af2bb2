// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <napi.h>

/** openPerfEvent(type, config, tid): a descriptor of perf_event_open(2) that counts from now on. */
Napi::Value openPerfEvent(const Napi::CallbackInfo &info);

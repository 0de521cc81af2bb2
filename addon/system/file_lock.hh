// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <napi.h>

/** lockFile(fd): flock(2), exclusive and without waiting; false: another process holds it. */
Napi::Value lockFile(const Napi::CallbackInfo &info);

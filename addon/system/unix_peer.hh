// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <napi.h>

/** unixPeerPid(name): the process that listens on a unix socket. */
Napi::Value unixPeerPid(const Napi::CallbackInfo &info);

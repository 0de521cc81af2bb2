// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <napi.h>

/** unixPeerPid(name): the process that listens on a unix socket. */
Napi::Value unixPeerPid(const Napi::CallbackInfo &info);

/** unixPeer(socket): user and groups of the process at its other end, when it connected. */
Napi::Value unixPeer(const Napi::CallbackInfo &info);

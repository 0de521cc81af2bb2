// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <napi.h>

/** listenUnix(path): a descriptor that listens there, for this user and root only from its first moment. */
Napi::Value listenUnix(const Napi::CallbackInfo &info);

/** socketPair(): two connected descriptors, streams. */
Napi::Value socketPair(const Napi::CallbackInfo &info);

/** sendDescriptor(socket, descriptor): unix(7), SCM_RIGHTS, with one byte. */
void sendDescriptor(const Napi::CallbackInfo &info);

/** receiveDescriptor(socket): the next one that was sent; undefined: none is there. Does not wait. */
Napi::Value receiveDescriptor(const Napi::CallbackInfo &info);

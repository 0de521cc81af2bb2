// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <napi.h>

/** listenUnix(path): a descriptor that listens there, for this user and root only from its first moment. */
Napi::Value listenUnix(const Napi::CallbackInfo &info);

/** sendToUnix(address, text): one datagram, without waiting. '@…' is an abstract address. */
void sendToUnix(const Napi::CallbackInfo &info);

/** connectUnix(path): a descriptor of a connection, without waiting. */
Napi::Value connectUnix(const Napi::CallbackInfo &info);

/** peerOf(connection): the process that wrote to it, once for each byte; 0: its end is closed; undefined: nothing is
 * there. */
Napi::Value peerOf(const Napi::CallbackInfo &info);

/** socketPair(): two connected descriptors, streams. */
Napi::Value socketPair(const Napi::CallbackInfo &info);

/** sendDescriptor(socket, descriptor): unix(7), SCM_RIGHTS, with one byte. */
void sendDescriptor(const Napi::CallbackInfo &info);

/** receiveDescriptor(socket): the next one that was sent; undefined: none is there. Does not wait. */
Napi::Value receiveDescriptor(const Napi::CallbackInfo &info);

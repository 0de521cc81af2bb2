// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <napi.h>

/**
 * confine(user?): this process becomes { uid, gid } without other groups, gives up all capabilities, and the kernel
 * refuses (EPERM) what it does not need: to open a file for writing, to start a program, BPF, namespaces, other
 * processes' memory and signals. For all threads, and for good.
 */
void confine(const Napi::CallbackInfo &info);

/** refuseUnused(startsProcesses): for all threads and what they start, the system calls that no part of the agent
 * needs. */
void refuseUnused(const Napi::CallbackInfo &info);

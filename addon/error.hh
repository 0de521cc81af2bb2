// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <napi.h>

#include <string>
#include <string_view>

/**
 * An Error "<action> <object>: <strerror>[\n<detail>]" with .code (errno name) and .errno, negative as in Node's own.
 * `error` may have either sign: libbpf returns negative numbers, the C library sets positive ones.
 */
Napi::Error systemError(Napi::Env env, int error, std::string_view action, std::string_view object,
			std::string_view detail = {});

// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <bpf/btf.h>
#include <napi.h>

/** Size and fields of a struct or union, the members of its nameless ones among them. */
Napi::Value describeStruct(Napi::Env env, const struct btf *types, const btf_type *type);

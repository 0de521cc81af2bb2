// SPDX-License-Identifier: Apache-2.0
// call(NUMBER, ARGUMENT…): a system call as an intruder makes it, past the C library; the errno, or 0. A Buffer is
// passed by its address.
#include <errno.h>
#include <node_api.h>
#include <stdint.h>
#include <unistd.h>

enum { MOST = 7 };

static uint64_t word(napi_env env, napi_value value)
{
	void *bytes = NULL;
	size_t length = 0;
	double number = 0;
	bool is_buffer = false;

	napi_is_buffer(env, value, &is_buffer);
	if (is_buffer) {
		napi_get_buffer_info(env, value, &bytes, &length);
		return (uintptr_t)bytes;
	}
	napi_get_value_double(env, value, &number);
	return number < 0 ? (uint64_t)(int64_t)number : (uint64_t)number;
}

static napi_value call(napi_env env, napi_callback_info info)
{
	size_t count = MOST;
	napi_value given[MOST], answer = NULL;
	uint64_t words[MOST] = {0};

	napi_get_cb_info(env, info, &count, given, NULL, NULL);
	for (size_t i = 0; i < count && i < MOST; i++)
		words[i] = word(env, given[i]);
	long result = syscall((long)words[0], words[1], words[2], words[3], words[4], words[5], words[6]);
	napi_create_int32(env, result < 0 ? errno : 0, &answer);
	return answer;
}

NAPI_MODULE_INIT()
{
	napi_value function = NULL;

	napi_create_function(env, "call", NAPI_AUTO_LENGTH, call, NULL, &function);
	napi_set_named_property(env, exports, "call", function);
	return exports;
}

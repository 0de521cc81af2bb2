// SPDX-License-Identifier: Apache-2.0
#include "error.hh"

#include <bpf/libbpf.h>

#include <array>
#include <cstdlib>
#include <cstring>

namespace
{

/** The kernel's own number, which its BPF code lets out; the C library has no name for it. */
constexpr int kernelNotSupported = 524;

/** libbpf has numbers of its own from here on (LIBBPF_ERRNO__LIBELF …). */
constexpr int libbpfErrors = 4000;

std::string name(int error)
{
	if (error == kernelNotSupported)
		return "ENOTSUPP";
	if (error >= libbpfErrors)
		return "ELIBBPF";
	const char *known = strerrorname_np(error);
	return known ? known : "E" + std::to_string(error);
}

std::string description(int error)
{
	if (error == kernelNotSupported)
		return "Not supported by the kernel";
	if (error >= libbpfErrors) {
		std::array<char, 128> text{};
		libbpf_strerror(error, text.data(), text.size());
		return text.data();
	}
	const char *known = strerrordesc_np(error);
	return known ? known : "Error " + std::to_string(error);
}

} // namespace

Napi::Error systemError(Napi::Env env, int error, std::string_view action, std::string_view object,
			std::string_view detail)
{
	const int number = std::abs(error);
	std::string message;
	message.append(action).append(" ").append(object).append(": ").append(description(number));
	if (!detail.empty())
		message.append("\n").append(detail);
	Napi::Error thrown = Napi::Error::New(env, message);
	thrown.Set("code", Napi::String::New(env, name(number)));
	thrown.Set("errno", Napi::Number::New(env, -number));
	return thrown;
}

// SPDX-License-Identifier: Apache-2.0
#include "bpf/libbpf_log.hh"

#include <bpf/libbpf.h>

#include <cstdarg>
#include <cstdio>
#include <string_view>

namespace
{

/** Lines shown of a verifier log, which may have megabytes. */
constexpr int tailLines = 20;

thread_local LibbpfLog *listening = nullptr;

std::string_view lastLines(std::string_view text)
{
	while (text.ends_with('\n'))
		text.remove_suffix(1);
	size_t start = text.size();
	for (int line = 0; line < tailLines; line++) {
		if (start == 0)
			return text;
		start = text.rfind('\n', start - 1);
		if (start == std::string_view::npos)
			return text;
	}
	return text.substr(start + 1);
}

} // namespace

struct LibbpfPrinter {
	static int print(enum libbpf_print_level level, const char *format, va_list arguments)
	{
		if (level != LIBBPF_WARN || !listening)
			return 0;
		va_list measured;
		va_copy(measured, arguments);
		const int length = vsnprintf(nullptr, 0, format, measured);
		va_end(measured);
		if (length <= 0)
			return 0;
		std::string line(static_cast<size_t>(length) + 1, '\0');
		vsnprintf(line.data(), line.size(), format, arguments);
		line.pop_back();
		constexpr std::string_view prefix = "libbpf: ";
		listening->text_ += line.starts_with(prefix) ? line.substr(prefix.size()) : line;
		return length;
	}
};

LibbpfLog::LibbpfLog() : outer_(listening)
{
	listening = this;
}

LibbpfLog::~LibbpfLog()
{
	listening = outer_;
}

void LibbpfLog::silence()
{
	libbpf_set_print(LibbpfPrinter::print);
}

std::string LibbpfLog::tail() const
{
	constexpr std::string_view begin = "-- BEGIN PROG LOAD LOG --\n";
	constexpr std::string_view end = "-- END PROG LOAD LOG --";
	const size_t start = text_.rfind(begin);
	if (start == std::string::npos)
		return std::string(lastLines(text_));
	std::string_view log = std::string_view(text_).substr(start + begin.size());
	return std::string(lastLines(log.substr(0, log.find(end))));
}

std::string LibbpfLog::program() const
{
	constexpr std::string_view before = "prog '";
	const size_t start = text_.rfind(before);
	if (start == std::string::npos)
		return {};
	const size_t name = start + before.size();
	const size_t end = text_.find('\'', name);
	return end == std::string::npos ? std::string() : text_.substr(name, end - name);
}

// SPDX-License-Identifier: Apache-2.0
#include "system/text_symbols.hh"

#include "error.hh"
#include "fd.hh"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

namespace
{
struct Symbol {
	std::string name;
	/** The compiler appended nothing to the name: name.isra.0 is a part of name. */
	bool whole;
	uint64_t start;
};

struct Symbols {
	std::vector<Symbol> wanted;
	/** The start of every function, to know where each ends. */
	std::vector<uint64_t> starts;
};

constexpr size_t ADDRESS_DIGITS = 16;

/** One symbol of the file; its name without what the compiler appended. */
struct Line {
	uint64_t start;
	std::string_view name;
	bool whole;
	/** True: a function. False: data. */
	bool text;
};

/** "ffffffff81daef80 t some_function.cold\t[module]" */
std::optional<Line> parse(std::string_view line)
{
	constexpr size_t typeAt = ADDRESS_DIGITS + 1, nameAt = ADDRESS_DIGITS + 3;
	if (line.size() <= nameAt || std::string_view("tTrRdD").find(line[typeAt]) == std::string_view::npos)
		return std::nullopt;
	uint64_t start = 0;
	std::from_chars(line.data(), line.data() + ADDRESS_DIGITS, start, 16);
	const std::string_view rest = line.substr(nameAt);
	const size_t end = std::min(rest.find_first_of(".\t\n"), rest.size());
	const bool text = line[typeAt] == 't' || line[typeAt] == 'T';
	return Line{start, rest.substr(0, end), end == rest.size() || rest[end] != '.', text};
}

struct Close {
	void operator()(FILE *file) const { fclose(file); }
};
using File = std::unique_ptr<FILE, Close>;

/** Opens the file by its path, or by a descriptor, which stays open; null: errno says why. */
File openFile(const Napi::Value &file)
{
	if (!file.IsNumber())
		return File(fopen(std::string(file.As<Napi::String>()).c_str(), "re"));
	Fd again(fcntl(file.As<Napi::Number>().Int32Value(), F_DUPFD_CLOEXEC, 0));
	if (!again || lseek(again.get(), 0, SEEK_SET) != 0)
		return nullptr;
	FILE *opened = fdopen(again.get(), "r");
	if (opened)
		again.release();
	return File(opened);
}

/** False: errno says why. */
bool readLines(const File &file, const std::function<void(const Line &)> &take)
{
	// stdio takes 1 KB at a time for a file of /proc; the kernel gives up to a page.
	std::array<char, 1 << 14> buffer;
	if (!file)
		return false;
	setvbuf(file.get(), buffer.data(), _IOFBF, buffer.size());
	struct Free {
		char *text = nullptr;
		~Free() { free(text); }
	} line;
	size_t capacity = 0;
	ssize_t length = 0;
	while ((length = getline(&line.text, &capacity, file.get())) > 0)
		if (const auto found = parse({line.text, static_cast<size_t>(length)}))
			take(*found);
	return !ferror(file.get());
}
} // namespace

namespace
{
std::unordered_set<std::string> namesOf(const Napi::Array &list)
{
	std::unordered_set<std::string> names;
	for (uint32_t i = 0; i < list.Length(); i++)
		names.insert(list.Get(i).As<Napi::String>());
	return names;
}
} // namespace

Napi::Value textSymbols(const Napi::CallbackInfo &info)
{
	const Napi::Env env = info.Env();
	const auto functions = namesOf(info[1].As<Napi::Array>());
	const auto data = info[2].IsArray() ? namesOf(info[2].As<Napi::Array>()) : std::unordered_set<std::string>();
	Symbols symbols;
	std::string name;
	const auto take = [&](const Line &line) {
		if (line.text)
			symbols.starts.push_back(line.start);
		name = line.name; // in the memory that it has
		if ((line.text ? functions : data).count(name))
			symbols.wanted.push_back({name, line.whole, line.start});
	};
	if (!readLines(openFile(info[0]), take))
		throw systemError(env, errno, "read", info[0].ToString().Utf8Value());
	std::sort(symbols.starts.begin(), symbols.starts.end());
	Napi::Array found = Napi::Array::New(env);
	for (const Symbol &symbol : symbols.wanted) {
		const auto next = std::upper_bound(symbols.starts.begin(), symbols.starts.end(), symbol.start);
		Napi::Object entry = Napi::Object::New(env);
		entry["name"] = symbol.name;
		entry["whole"] = symbol.whole;
		entry["start"] = Napi::BigInt::New(env, symbol.start);
		if (next != symbols.starts.end())
			entry["end"] = Napi::BigInt::New(env, *next);
		found[found.Length()] = entry;
	}
	return found;
}

Napi::Value textSymbolsAt(const Napi::CallbackInfo &info)
{
	const Napi::Env env = info.Env();
	const auto addresses = info[1].As<Napi::BigUint64Array>();
	struct Nearest {
		uint64_t start = 0;
		std::string name;
	};
	std::vector<Nearest> nearest(addresses.ElementLength());
	const auto take = [&](const Line &line) {
		for (size_t i = 0; line.text && i < nearest.size(); i++)
			if (line.start <= addresses[i] && line.start > nearest[i].start) {
				nearest[i].start = line.start;
				nearest[i].name = line.name; // in the memory that it has
			}
	};
	if (!readLines(openFile(info[0]), take))
		throw systemError(env, errno, "read", info[0].ToString().Utf8Value());
	Napi::Array found = Napi::Array::New(env, nearest.size());
	for (uint32_t i = 0; i < nearest.size(); i++)
		found[i] = nearest[i].start ? Napi::String::New(env, nearest[i].name) : env.Undefined();
	return found;
}

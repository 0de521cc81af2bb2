// SPDX-License-Identifier: Apache-2.0
#include "system/perf_sampler.hh"

#include "error.hh"

#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <string>
#include <vector>

namespace
{
/** Records of 16 bytes: 32 768 samples. Those behind them are lost. */
constexpr size_t RECORDS = 512 * 1024;

size_t mapped()
{
	return sysconf(_SC_PAGESIZE) + RECORDS;
}
} // namespace

Napi::Function PerfSampler::define(Napi::Env env)
{
	return DefineClass(
		env, "PerfSampler",
		{InstanceMethod<&PerfSampler::addresses>("addresses"), InstanceMethod<&PerfSampler::close>("close")});
}

PerfSampler::PerfSampler(const Napi::CallbackInfo &info) : Napi::ObjectWrap<PerfSampler>(info)
{
	perf_event_attr attributes = {};
	attributes.size = sizeof(attributes);
	attributes.type = info[0].As<Napi::Number>().Uint32Value();
	attributes.config = info[1].As<Napi::Number>().Uint32Value();
	attributes.freq = 1;
	attributes.sample_freq = info[3].As<Napi::Number>().Uint32Value();
	attributes.sample_type = PERF_SAMPLE_IP;
	const int tid = info[2].As<Napi::Number>().Int32Value();
	event_.reset(static_cast<int>(syscall(SYS_perf_event_open, &attributes, tid, -1, -1, PERF_FLAG_FD_CLOEXEC)));
	if (!event_)
		throw systemError(info.Env(), errno, "sample", "thread " + std::to_string(tid));
	void *address = mmap(nullptr, mapped(), PROT_READ | PROT_WRITE, MAP_SHARED, event_.get(), 0);
	if (address == MAP_FAILED)
		throw systemError(info.Env(), errno, "map samples of", "thread " + std::to_string(tid));
	page_ = static_cast<perf_event_mmap_page *>(address);
}

PerfSampler::~PerfSampler()
{
	unmap();
}

Napi::Value PerfSampler::addresses(const Napi::CallbackInfo &info)
{
	std::vector<uint64_t> found;
	if (page_) {
		const auto *records = reinterpret_cast<const uint8_t *>(page_) + page_->data_offset;
		// All that lies before it was written before it (perf_event_open(2)).
		const uint64_t head = __atomic_load_n(&page_->data_head, __ATOMIC_ACQUIRE);
		uint64_t at = page_->data_tail;
		while (at < head) {
			// A multiple of 8 bytes, as the size of all: no header lies across the end.
			perf_event_header header;
			memcpy(&header, records + at % page_->data_size, sizeof(header));
			if (header.type == PERF_RECORD_SAMPLE) {
				uint64_t address;
				memcpy(&address, records + (at + sizeof(header)) % page_->data_size, sizeof(address));
				found.push_back(address);
			}
			at += header.size;
		}
		__atomic_store_n(&page_->data_tail, at, __ATOMIC_RELEASE);
	}
	auto result = Napi::BigUint64Array::New(info.Env(), found.size());
	if (!found.empty())
		memcpy(result.Data(), found.data(), found.size() * sizeof(uint64_t));
	return result;
}

void PerfSampler::close(const Napi::CallbackInfo &)
{
	unmap();
}

void PerfSampler::unmap()
{
	if (page_)
		munmap(page_, mapped());
	page_ = nullptr;
	event_.reset();
}

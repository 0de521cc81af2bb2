// SPDX-License-Identifier: Apache-2.0
#include "bpf/ring_buffer.hh"

#include "addon_data.hh"
#include "error.hh"
#include "bpf/libbpf_log.hh"

#include <cerrno>
#include <cstring>

Napi::Function RingBuffer::define(Napi::Env env)
{
	return DefineClass(env, "RingBuffer",
			   {InstanceMethod<&RingBuffer::drain>("drain"), InstanceMethod<&RingBuffer::listen>("listen"),
			    InstanceMethod<&RingBuffer::close>("close")});
}

Napi::Object RingBuffer::create(Napi::Env env, int fd, const std::string &called)
{
	return construct(env, env.GetInstanceData<AddonData>()->ringBuffer, Source{fd, called});
}

RingBuffer::RingBuffer(const Napi::CallbackInfo &info) : Napi::ObjectWrap<RingBuffer>(info)
{
	const Source source = constructed<Source>(info);
	called_ = source.called;
	LibbpfLog log;
	ring_.reset(ring_buffer__new(source.fd, receive, this, nullptr));
	if (!ring_)
		throw systemError(info.Env(), errno, "consume", called_, log.tail());
}

int RingBuffer::receive(void *self, void *data, size_t size)
{
	auto *ring = static_cast<RingBuffer *>(self);
	const std::span<const uint8_t> record(static_cast<const uint8_t *>(data), size);
	if (!ring->put(record)) {
		ring->waiting_.emplace(record.begin(), record.end());
		return -ECANCELED;
	}
	return ring->drain_.budget ? 0 : -ECANCELED;
}

bool RingBuffer::put(std::span<const uint8_t> record)
{
	const size_t padded = (record.size() + 7) / 8 * 8;
	const auto length = static_cast<uint32_t>(record.size());
	const size_t needed = sizeof(length) + padded;
	if (needed > drain_.into.size()) {
		drain_.dropped++;
		drain_.budget--;
		return true;
	}
	if (needed > drain_.into.size() - drain_.used)
		return false;
	uint8_t *to = drain_.into.data() + drain_.used;
	memcpy(to, &length, sizeof(length));
	memcpy(to + sizeof(length), record.data(), record.size());
	memset(to + sizeof(length) + record.size(), 0, padded - record.size());
	drain_.used += needed;
	drain_.records++;
	drain_.budget--;
	return true;
}

Napi::Value RingBuffer::drain(const Napi::CallbackInfo &info)
{
	if (!ring_)
		throw systemError(info.Env(), EBADF, "drain", called_, "the ring buffer is closed");
	auto into = info[0].As<Napi::Uint8Array>();
	drain_ = Drain{{into.Data(), into.ByteLength()}, info[1].As<Napi::Number>().Uint32Value()};
	bool more = drain_.budget > 0;
	if (more && waiting_) {
		more = put(*waiting_) && drain_.budget > 0;
		if (drain_.records || drain_.dropped)
			waiting_.reset();
	}
	const int result = more ? ring_buffer__consume(ring_.get()) : 0;
	if (result < 0 && result != -ECANCELED)
		throw systemError(info.Env(), result, "drain", called_);
	Napi::Object counts = Napi::Object::New(info.Env());
	counts["records"] = Napi::Number::New(info.Env(), drain_.records);
	counts["bytes"] = Napi::Number::New(info.Env(), static_cast<double>(drain_.used));
	counts["dropped"] = Napi::Number::New(info.Env(), drain_.dropped);
	if (listener_)
		listener_->arm();
	return counts;
}

void RingBuffer::listen(const Napi::CallbackInfo &info)
{
	if (!ring_)
		throw systemError(info.Env(), EBADF, "listen to", called_, "the ring buffer is closed");
	listener_ = std::make_unique<RingListener>(info.Env(), ring_buffer__epoll_fd(ring_.get()),
						   info[0].As<Napi::Function>());
}

void RingBuffer::close(const Napi::CallbackInfo &)
{
	listener_.reset();
	ring_.reset();
	waiting_.reset();
}

// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "bpf/ring_listener.hh"

#include <bpf/libbpf.h>
#include <napi.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

struct FreeRing {
	void operator()(ring_buffer *ring) const { ring_buffer__free(ring); }
};

/** The consumer of one BPF ring buffer. Only JavaScript's thread takes records; its memory outlives the object. */
class RingBuffer final : public Napi::ObjectWrap<RingBuffer>
{
public:
	static Napi::Function define(Napi::Env env);
	/** `called` is for messages. */
	static Napi::Object create(Napi::Env env, int fd, const std::string &called);

	explicit RingBuffer(const Napi::CallbackInfo &info);

	/** One drain() under way. */
	struct Drain {
		std::span<uint8_t> into;
		uint32_t budget;
		size_t used = 0;
		uint32_t records = 0;
		uint32_t dropped = 0;
	};

	/** Passed from create() to the constructor. */
	struct Source {
		int fd;
		std::string called;
	};

private:
	static int receive(void *self, void *data, size_t size);

	Napi::Value drain(const Napi::CallbackInfo &info);
	void listen(const Napi::CallbackInfo &info);
	void close(const Napi::CallbackInfo &info);
	/** False if the record must wait for the next drain(). */
	bool put(std::span<const uint8_t> record);

	std::string called_;
	std::unique_ptr<ring_buffer, FreeRing> ring_;
	Drain drain_{};
	/** libbpf gives a record only by consuming it: the one that found `into` full waits here for the next drain().
	 */
	std::optional<std::vector<uint8_t>> waiting_;
	/** Last, for it uses the ring. */
	std::unique_ptr<RingListener> listener_;
};

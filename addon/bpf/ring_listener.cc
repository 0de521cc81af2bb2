// SPDX-License-Identifier: Apache-2.0
#include "bpf/ring_listener.hh"

#include <poll.h>

#include <array>
#include <cerrno>

RingListener::RingListener(Napi::Env env, int ring, Napi::Function call)
	: env_(env), ring_(ring), thread_(env, "the ring buffer's thread")
{
	call_ = Napi::ThreadSafeFunction::New(env, call, "tapscope ring buffer", 0, 1);
	call_.Unref(env);
	try {
		thread_.start("tapscope-ring", [this] { serve(); });
	} catch (const Napi::Error &) {
		call_.Release(); // a thread that never started cannot be stopped
		throw;
	}
	// Hooks run in reverse order: this one stops the thread before the environment closes call_.
	hook_ = env.AddCleanupHook(
		+[](RingListener *self) { self->stop(); }, this);
}

RingListener::~RingListener()
{
	if (thread_.isRunning())
		hook_.Remove(env_);
	stop();
}

void RingListener::arm()
{
	if (told_.exchange(false))
		armed_.release();
}

void RingListener::stop()
{
	if (!thread_.isRunning())
		return;
	stopping_ = true;
	armed_.release();
	thread_.end();
	// Not Release(): what it told of and nobody heard yet is not heard after a close().
	call_.Abort();
}

void RingListener::serve()
{
	for (;;) {
		armed_.acquire();
		std::array<pollfd, 2> either{pollfd{ring_, POLLIN, 0}, pollfd{thread_.endEvent(), POLLIN, 0}};
		while (!stopping_ && poll(either.data(), either.size(), -1) < 0 && errno == EINTR) {
		}
		if (stopping_)
			return;
		told_ = true;
		call_.NonBlockingCall();
	}
}

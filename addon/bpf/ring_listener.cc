// SPDX-License-Identifier: Apache-2.0
#include "bpf/ring_listener.hh"

#include "error.hh"

#include <poll.h>
#include <pthread.h>
#include <sys/eventfd.h>

#include <array>
#include <cerrno>
#include <system_error>

RingListener::RingListener(Napi::Env env, int ring, Napi::Function call)
	: env_(env), ring_(ring), stopEvent_(eventfd(0, EFD_CLOEXEC))
{
	if (!stopEvent_)
		throw systemError(env, errno, "start", "the ring buffer's thread");
	call_ = Napi::ThreadSafeFunction::New(env, call, "tapscope ring buffer", 0, 1);
	call_.Unref(env);
	try {
		thread_ = std::thread([this] { serve(); });
	} catch (const std::system_error &refusal) {
		call_.Release(); // a thread that never started cannot be stopped
		throw systemError(env, refusal.code().value(), "start", "the ring buffer's thread");
	}
	pthread_setname_np(thread_.native_handle(), "tapscope-ring");
	// Hooks run in reverse order: this one stops the thread before the environment closes call_.
	hook_ = env.AddCleanupHook(
		+[](RingListener *self) { self->stop(); }, this);
}

RingListener::~RingListener()
{
	if (thread_.joinable())
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
	if (!thread_.joinable())
		return;
	stopping_ = true;
	eventfd_write(stopEvent_.get(), 1);
	armed_.release();
	thread_.join();
	// Not Release(): what it told of and nobody heard yet is not heard after a close().
	call_.Abort();
}

void RingListener::serve()
{
	for (;;) {
		armed_.acquire();
		std::array<pollfd, 2> either{pollfd{ring_, POLLIN, 0}, pollfd{stopEvent_.get(), POLLIN, 0}};
		while (!stopping_ && poll(either.data(), either.size(), -1) < 0 && errno == EINTR) {
		}
		if (stopping_)
			return;
		told_ = true;
		call_.NonBlockingCall();
	}
}

// SPDX-License-Identifier: Apache-2.0
#include "own_thread.hh"

#include "error.hh"

#include <pthread.h>
#include <sys/eventfd.h>

#include <cerrno>
#include <system_error>
#include <utility>

OwnThread::OwnThread(Napi::Env env, std::string_view object)
	: env_(env), object_(object), endEvent_(eventfd(0, EFD_CLOEXEC))
{
	if (!endEvent_)
		throw systemError(env, errno, "start", object);
}

void OwnThread::start(const char *name, std::function<void()> serve)
{
	try {
		thread_ = std::thread(std::move(serve));
	} catch (const std::system_error &refusal) {
		throw systemError(env_, refusal.code().value(), "start", object_);
	}
	pthread_setname_np(thread_.native_handle(), name);
}

void OwnThread::end()
{
	eventfd_write(endEvent_.get(), 1);
	thread_.join();
}

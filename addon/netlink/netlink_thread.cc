// SPDX-License-Identifier: Apache-2.0
#include "netlink/netlink_thread.hh"

#include "error.hh"

#include <cerrno>
#include <cstring>
#include <new>

NetlinkThread::NetlinkThread(Napi::Env env) : thread_(env, "the netlink thread")
{
	results_ = Results::New(env, "tapscope netlink", 0, 1, this);
	results_.Unref(env);
	try {
		thread_.start("tapscope-rtnl", [this] { serve(); });
	} catch (const Napi::Error &) {
		results_.Release(); // a thread that never started cannot be stopped
		throw;
	}
	// Last, for it outlives a constructor that throws. Hooks run in reverse order: this one stops the thread before
	// the environment closes results_.
	env.AddCleanupHook([this] { stop(); });
}

Napi::Promise NetlinkThread::request(Napi::Env env, NetlinkRequest request)
{
	auto job = std::make_unique<Job>(Job{std::move(request), Napi::Promise::Deferred::New(env)});
	const Napi::Promise promise = job->promise.Promise();
	if (pending_++ == 0)
		results_.Ref(env);
	{
		const std::lock_guard lock(mutex_);
		queue_.push_back(std::move(job));
	}
	waiting_.release();
	return promise;
}

void NetlinkThread::settle(Napi::Env env, Napi::Function, NetlinkThread *self, Job *job)
{
	const std::unique_ptr<Job> done(job);
	if (!env)
		return;
	if (--self->pending_ == 0)
		self->results_.Unref(env);
	if (done->failure) {
		const NetlinkFailure &failure = *done->failure;
		done->promise.Reject(systemError(env, failure.error, failure.action, failure.object).Value());
		return;
	}
	Napi::Uint8Array messages = Napi::Uint8Array::New(env, done->messages.size());
	if (!done->messages.empty())
		memcpy(messages.Data(), done->messages.data(), done->messages.size());
	done->promise.Resolve(messages);
}

void NetlinkThread::stop()
{
	if (!thread_.isRunning())
		return;
	{
		const std::lock_guard lock(mutex_);
		stopping_ = true;
		queue_.clear();
	}
	waiting_.release();
	thread_.end();
	results_.Release();
}

void NetlinkThread::serve()
{
	NetlinkExchange exchange(thread_.endEvent());
	while (std::unique_ptr<Job> job = next()) {
		try {
			job->messages = exchange.run(job->request);
		} catch (const NetlinkFailure &failure) {
			job->failure = failure;
		} catch (const std::bad_alloc &) {
			job->failure = NetlinkFailure{ENOMEM, "run", "a netlink request"};
		}
		Job *done = job.release(); // settle() owns it, unless the environment is going
		if (results_.BlockingCall(done) != napi_ok)
			job.reset(done);
	}
}

std::unique_ptr<NetlinkThread::Job> NetlinkThread::next()
{
	waiting_.acquire();
	const std::lock_guard lock(mutex_);
	if (stopping_)
		return nullptr;
	std::unique_ptr<Job> job = std::move(queue_.front());
	queue_.pop_front();
	return job;
}

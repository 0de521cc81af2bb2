// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "netlink/netlink_exchange.hh"
#include "own_thread.hh"

#include <napi.h>

#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <semaphore>

/**
 * The thread that may change its network namespace, with its queue. Made, asked and stopped on JavaScript's thread.
 * Idle, it does not keep Node alive; a request under way does.
 */
class NetlinkThread
{
public:
	explicit NetlinkThread(Napi::Env env);
	~NetlinkThread() { stop(); }
	NetlinkThread(const NetlinkThread &) = delete;
	NetlinkThread &operator=(const NetlinkThread &) = delete;

	Napi::Promise request(Napi::Env env, NetlinkRequest request);

private:
	/** Belongs to one thread at a time: JavaScript's, the queue, the netlink thread, JavaScript's again. */
	struct Job {
		NetlinkRequest request;
		Napi::Promise::Deferred promise;
		NetlinkMessages messages{};
		std::optional<NetlinkFailure> failure{};
	};

	/** Runs on JavaScript's thread; without env once the environment is going. */
	static void settle(Napi::Env env, Napi::Function, NetlinkThread *self, Job *job);
	using Results = Napi::TypedThreadSafeFunction<NetlinkThread, Job, settle>;

	void stop();
	/** Runs on the netlink thread, as all functions below. */
	void serve();
	/** Null: stop. */
	std::unique_ptr<Job> next();

	// JavaScript's thread alone
	Results results_;
	size_t pending_ = 0;

	/** One for each queued job and for the stop. A condition variable would need the libstdc++ of GCC 12, which EL
	 * 9 lacks. */
	std::counting_semaphore<> waiting_{0};
	// Either thread, under mutex_
	std::mutex mutex_;
	std::deque<std::unique_ptr<Job>> queue_;
	bool stopping_ = false;

	OwnThread thread_;
};

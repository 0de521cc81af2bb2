// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "own_thread.hh"

#include <napi.h>

#include <atomic>
#include <semaphore>

/**
 * The thread that waits for records of a BPF ring buffer: Node cannot wait for its descriptor, and one that sleeps
 * costs nothing. Made, armed and stopped on JavaScript's thread; it does not keep Node alive.
 */
class RingListener
{
public:
	/** `ring`: a descriptor that is readable while records are there. `call` is called once for each arm(). */
	RingListener(Napi::Env env, int ring, Napi::Function call);
	~RingListener();
	RingListener(const RingListener &) = delete;
	RingListener &operator=(const RingListener &) = delete;

	/** The records that it told of have been taken. */
	void arm();

private:
	void stop();
	/** Runs on the thread. */
	void serve();

	Napi::Env env_;
	int ring_;
	Napi::ThreadSafeFunction call_;
	/** It told of records and is not armed. */
	std::atomic<bool> told_ = false;
	std::atomic<bool> stopping_ = false;
	std::counting_semaphore<> armed_{1};
	OwnThread thread_;
	Napi::Env::CleanupHook<void (*)(RingListener *), RingListener> hook_;
};

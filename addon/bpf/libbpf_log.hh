// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

/**
 * Keeps what libbpf warns about on this thread while it lives; nothing of it reaches stderr.
 * libbpf prints on the thread that called it, so the innermost one of each thread listens.
 */
class LibbpfLog
{
public:
	LibbpfLog();
	~LibbpfLog();
	LibbpfLog(const LibbpfLog &) = delete;
	LibbpfLog &operator=(const LibbpfLog &) = delete;

	/** The verifier's last lines if it spoke, else the last of libbpf's own. */
	std::string tail() const;
	/** The program that libbpf complained about last; empty if about none. */
	std::string program() const;

	/** Takes libbpf's messages away from stderr, for the whole process. */
	static void silence();

private:
	friend struct LibbpfPrinter;
	LibbpfLog *outer_;
	std::string text_;
};

// SPDX-License-Identifier: Apache-2.0
#include "addon_data.hh"
#include "bpf/bpf_link.hh"
#include "bpf/bpf_object.hh"
#include "btf/added_structs.hh"
#include "btf/btf.hh"
#include "system/capabilities.hh"
#include "system/landlock.hh"
#include "system/confinement.hh"
#include "system/file_lock.hh"
#include "bpf/libbpf_log.hh"
#include "netlink/netlink.hh"
#include "netlink/netlink_thread.hh"
#include "bpf/ring_buffer.hh"
#include "bpf/run_statistics.hh"
#include "system/output.hh"
#include "system/perf_event.hh"
#include "system/perf_sampler.hh"
#include "system/second_process.hh"
#include "system/text_symbols.hh"
#include "btf/traced_functions.hh"
#include "system/unix_peer.hh"
#include "system/unix_socket.hh"

#include <bpf/libbpf.h>
#include <malloc.h>
#include <unistd.h>

AddonData::AddonData() = default;
AddonData::~AddonData() = default;

static void exitNow(const Napi::CallbackInfo &info)
{
	_exit(info[0].As<Napi::Number>().Int32Value());
}

static void giveMemoryBack(const Napi::CallbackInfo &)
{
	malloc_trim(0);
}

static Napi::Object initialize(Napi::Env env, Napi::Object exports)
{
	LibbpfLog::silence();
	TracedFunctions::install();
	auto data = std::make_unique<AddonData>();
	const Napi::Function bpfLink = BpfLink::define(env);
	const Napi::Function ringBuffer = RingBuffer::define(env);
	const Napi::Function btf = Btf::define(env);
	data->bpfLink = Napi::Persistent(bpfLink);
	data->ringBuffer = Napi::Persistent(ringBuffer);
	data->btf = Napi::Persistent(btf);
	env.SetInstanceData(data.release()); // the environment deletes it

	exports["BpfObject"] = BpfObject::define(env);
	exports["BpfLink"] = bpfLink;
	exports["RingBuffer"] = ringBuffer;
	exports["Btf"] = btf;
	exports["RunStatistics"] = RunStatistics::define(env);
	exports["typesWithStructs"] = Napi::Function::New(env, typesWithStructs, "typesWithStructs");
	exports["namespaceFile"] = Napi::Function::New(env, namespaceFile, "namespaceFile");
	exports["netlinkRequest"] = Napi::Function::New(env, netlinkRequest, "netlinkRequest");
	exports["lockFile"] = Napi::Function::New(env, lockFile, "lockFile");
	exports["openPerfEvent"] = Napi::Function::New(env, openPerfEvent, "openPerfEvent");
	exports["PerfSampler"] = PerfSampler::define(env);
	exports["textSymbols"] = Napi::Function::New(env, textSymbols, "textSymbols");
	exports["textSymbolsAt"] = Napi::Function::New(env, textSymbolsAt, "textSymbolsAt");
	exports["unixPeerPid"] = Napi::Function::New(env, unixPeerPid, "unixPeerPid");
	exports["unixPeer"] = Napi::Function::New(env, unixPeer, "unixPeer");
	exports["confine"] = Napi::Function::New(env, confine, "confine");
	exports["exitNow"] = Napi::Function::New(env, exitNow, "exitNow");
	exports["giveMemoryBack"] = Napi::Function::New(env, giveMemoryBack, "giveMemoryBack");
	exports["landlockVersion"] = Napi::Function::New(env, landlockVersion, "landlockVersion");
	exports["becomeConfined"] = Napi::Function::New(env, becomeConfined, "becomeConfined");
	exports["keepCapabilities"] = Napi::Function::New(env, keepCapabilities, "keepCapabilities");
	exports["refuseUnused"] = Napi::Function::New(env, refuseUnused, "refuseUnused");
	exports["startSecondProcess"] = Napi::Function::New(env, startSecondProcess, "startSecondProcess");
	exports["endOfSecondProcess"] = Napi::Function::New(env, endOfSecondProcess, "endOfSecondProcess");
	exports["writeNow"] = Napi::Function::New(env, writeNow, "writeNow");
	exports["listenUnix"] = Napi::Function::New(env, listenUnix, "listenUnix");
	exports["sendToUnix"] = Napi::Function::New(env, sendToUnix, "sendToUnix");
	exports["connectUnix"] = Napi::Function::New(env, connectUnix, "connectUnix");
	exports["peerOf"] = Napi::Function::New(env, peerOf, "peerOf");
	exports["socketPair"] = Napi::Function::New(env, socketPair, "socketPair");
	exports["sendDescriptor"] = Napi::Function::New(env, sendDescriptor, "sendDescriptor");
	exports["receiveDescriptor"] = Napi::Function::New(env, receiveDescriptor, "receiveDescriptor");
	exports["libbpfVersion"] = Napi::String::New(env, libbpf_version_string());
	return exports;
}

NODE_API_MODULE(tapscope, initialize)

// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "bpf/bpf_link.hh"

#include <bpf/libbpf.h>
#include <napi.h>

#include <memory>
#include <string>
#include <string_view>
#include <vector>

struct CloseObject {
	void operator()(bpf_object *object) const { bpf_object__close(object); }
};

/** One libbpf object file. Only JavaScript's thread touches it. */
class BpfObject final : public Napi::ObjectWrap<BpfObject>
{
public:
	static Napi::Function define(Napi::Env env);

	explicit BpfObject(const Napi::CallbackInfo &info);
	~BpfObject() override { release(); }

private:
	using Info = const Napi::CallbackInfo &;

	enum class Stage { opened, loaded, refused };

	// bpf_object.cc: the file's life
	void setMaxEntries(Info info);
	void setValueSize(Info info);
	void reuseMap(Info info);
	void setVariable(Info info);
	void load(Info info);
	Napi::Value ringBuffer(Info info);
	Napi::Value btf(Info info);
	void close(Info info);

	// bpf_programs.cc
	Napi::Value programs(Info info);
	void setAutoload(Info info);
	void setAttachType(Info info);
	Napi::Value attach(Info info);
	Napi::Value testRun(Info info);
	Napi::Value iterate(Info info);
	Napi::Value programInfo(Info info);

	// bpf_maps.cc
	Napi::Value maps(Info info);
	Napi::Value mapBuffer(Info info);
	Napi::Value lookup(Info info);
	void update(Info info);
	Napi::Value remove(Info info);
	Napi::Value entries(Info info);

	/** Detaches first, for a BpfLink may be kept longer. */
	void release();
	/** Throws EBADF once closed. */
	bpf_object *opened(Napi::Env env) const;
	/** Throws EINVAL before load() too. */
	bpf_object *loaded(Napi::Env env) const;
	bpf_program *program(Napi::Env env, const std::string &name) const;
	bpf_map *map(Napi::Env env, const std::string &name) const;
	/** Throws EINVAL for a program that load() left out. */
	int programFd(Napi::Env env, bpf_program *program) const;
	/** Throws EINVAL for a map that load() did not create. */
	int mapFd(Napi::Env env, bpf_map *map) const;
	/** The bytes that the kernel reads or writes for one value. */
	size_t valueLength(Napi::Env env, const bpf_map *map) const;
	/** "program foo of /path/file.bpf.o" */
	std::string called(std::string_view kind, std::string_view name) const;

	std::string path_;
	std::unique_ptr<bpf_object, CloseObject> object_;
	std::vector<SharedLink> links_;
	Stage stage_ = Stage::opened;
};

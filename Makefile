# SPDX-License-Identifier: Apache-2.0
# Builds what is stale into dist/; every file is written beside its place and renamed, so an interrupted build looks like none.

MAKEFLAGS += --no-builtin-rules
.DELETE_ON_ERROR:
.PHONY: all bpf addon traffic ts lab lint lint-biome lint-layers lint-exports lint-clang-format lint-types lint-sizes format clean FORCE

# For another machine than this one deploy/cross-build.mjs says where, with which compiler and which headers.
DIST := dist
MACHINE := $(shell uname -m)
HEADERS := /usr/include/$(MACHINE)-linux-gnu
TARGET_ARCH_x86_64 := x86
TARGET_ARCH_aarch64 := arm64

all: bpf addon traffic ts

# BPF: each object is one compilation, of the file with its name. -mcpu=v3 is what Linux 5.8 and later all know.
BPF_OBJECTS := $(DIST)/bpf/tapscope.bpf.o $(DIST)/bpf/follow.bpf.o $(DIST)/bpf/frames.bpf.o $(DIST)/bpf/ways.bpf.o
# What an object says of its sources does not name the folder of this clone: the same sources give the same object everywhere.
# Debian keeps <asm/types.h> in the multiarch folder, where clang does not look for the bpf target. Paths of includes begin in bpf/.
BPF_FLAGS := -target bpf -mcpu=v3 -O2 -g -fdebug-compilation-dir=. -Wall -Werror -D__TARGET_ARCH_$(TARGET_ARCH_$(MACHINE)) -iquote bpf \
	-I$(HEADERS)

bpf: $(BPF_OBJECTS)

$(DIST)/bpf/%.bpf.o: bpf/%.bpf.c Makefile
	@mkdir -p $(@D)
	@echo "  BPF     $@"
	@clang $(BPF_FLAGS) -MMD -MP -MT $@ -MF $(@:.o=.d) -c $< -o $@.new && mv $@.new $@

-include $(BPF_OBJECTS:.o=.d)

addon: FORCE
	@$(MAKE) --silent --no-print-directory -C addon

# What `tapscope bench` sends and reads with.
traffic: $(DIST)/bench/traffic

$(DIST)/bench/traffic: $(wildcard bench/traffic/*.[ch]) Makefile
	@mkdir -p $(@D)
	@echo "  CC      $@"
	@$(CC) -O2 -Wall -Wextra -Werror -o $@.new $(filter %.c,$^) -pthread && mv $@.new $@

# Only tests need these programs.
lab: FORCE
	@$(MAKE) --silent --no-print-directory -C test
	@$(MAKE) --silent --no-print-directory -C lab

# TypeScript: checked, then bundled. The whole folder is made anew and takes the old one's place.
# The stamp is as old as the start: what is edited meanwhile counts as stale.
TS_SOURCES := $(shell find src bench -type d -o -name '*.ts' ! -name '*.test.ts' -o -path 'src/page/*')

ts: dist/src/.built

dist/src/.built: $(TS_SOURCES) $(wildcard addon/*.d.ts) deploy/bundle.mjs deploy/bytecode.mjs deploy/entry.mjs package.json tsconfig.json tsconfig.build.json package-lock.json
	@echo "  TS      dist/src"
	@rm -rf dist/.ts && mkdir -p dist/.ts && touch dist/.ts/.built
	@node_modules/.bin/tsc -p tsconfig.build.json --noEmit
	@node_modules/.bin/tsc -p src/page
	@node --hash-seed=1 deploy/bundle.mjs dist/.ts
	@mkdir -p dist/bench && mv dist/.ts/bench.cjs dist/bench/main.cjs
	@rm -rf dist/src && mv dist/.ts dist/src

PARTS = addon bench bpf dashboards deploy lab src test
C_SOURCES = $(shell find addon bench bpf lab test -name '*.[ch]' -o -name '*.cc' -o -name '*.hh' -o -name '*.cpp' -o -name '*.hpp')

lint: lint-biome lint-layers lint-exports lint-clang-format lint-types lint-sizes

lint-biome:
	@node_modules/.bin/biome ci --colors=off

# Imports point one way; docs/architecture.md draws it.
lint-layers:
	@node_modules/.bin/tsx test/layers.ts

# No file that nothing uses, and no export that no other file imports.
lint-exports:
	@node_modules/.bin/knip --no-progress --include files,exports,types,duplicates

lint-clang-format:
	@clang-format --dry-run -Werror $(C_SOURCES)

lint-types:
	@node_modules/.bin/tsc -p tsconfig.json --noEmit
	@node_modules/.bin/tsc -p src/page

# Advice that never fails: files too long to read at once, and how much each part of the tree holds.
lint-sizes:
	@find $(PARTS) -name '*.[ch]' -o -name '*.cc' -o -name '*.hh' -o -name '*.ts' -o -name '*.mjs' | xargs wc -l | awk ' \
		$$2 == "total" { next } \
		{ split($$2, part, "/"); files[part[1]]++; lines[part[1]] += $$1 } \
		$$1 > 300 { print "advice: " $$2 " has " $$1 " lines" } \
		END { for (one in lines) print "size: " one ": " files[one] " files, " lines[one] " lines" }' | sort

format:
	@node_modules/.bin/biome check --colors=off --write
	@clang-format -i $(C_SOURCES)

clean:
	@rm -rf dist

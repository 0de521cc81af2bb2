# SPDX-License-Identifier: Apache-2.0
# How programs of the tests and of the lab are built into $(OUT). Parallel test processes may run this at the same moment: results are moved into place.
CFLAGS ?= -O2 -g -Wall -Wextra

# As for the product's own: what Linux 5.8 and later all know, and where Debian keeps <asm/…>.
MACHINE := $(shell uname -m)
HEADERS := /usr/include/$(MACHINE)-linux-gnu
BPF_FLAGS := -target bpf -mcpu=v3 -O2 -g -Wall -Werror -I$(HEADERS) \
	-D__TARGET_ARCH_$(subst aarch64,arm64,$(subst x86_64,x86,$(MACHINE)))

$(OUT)/%.bpf.o: %.bpf.c
	@mkdir -p $(OUT)
	@echo "  BPF $(OUT:../%=%)/$*.bpf.o"
	@clang $(BPF_FLAGS) -o $@.$$$$ -c $< && mv $@.$$$$ $@

$(OUT)/%.so: %.c
	@mkdir -p $(OUT)
	@echo "  CC  $(OUT:../%=%)/$*.so"
	@$(CC) $(CFLAGS) -shared -fPIC -o $@.$$$$ $< && mv $@.$$$$ $@

$(OUT)/%:
	@mkdir -p $(OUT)
	@echo "  CC  $(OUT:../%=%)/$*"
	@$(CC) $(CFLAGS) -o $@.$$$$ $(filter %.c,$^) -pthread && mv $@.$$$$ $@

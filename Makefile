# The two commands: `make demo` renders the examples, `make test` runs every test.
# On Debian and Ubuntu both install the system packages that are missing; elsewhere see README.md.

PACKAGES := build-essential pkg-config clang libclang-dev curl \
            libavcodec-dev libavformat-dev libavutil-dev libavfilter-dev libswscale-dev libswresample-dev \
            mesa-vulkan-drivers

EXAMPLES := $(sort $(wildcard examples/*.vfx examples/*.yaml))
VFXB := target/release/vfxb

.PHONY: help demo test setup build clean
.DEFAULT_GOAL := help

help:
	@echo 'make demo   build vfxb, render examples/ on a real video, say where the films are'
	@echo 'make test   run every test'
	@echo 'make build  build $(VFXB)'
	@echo 'make setup  install the system packages that building needs (Debian, Ubuntu)'

demo: build
	@set -e; for script in $(EXAMPLES); do \
	  echo "rendering $$script"; \
	  $(VFXB) render "$$script" --overwrite; \
	done
	@echo
	@echo "The films are in $(CURDIR)/examples/out:"
	@ls examples/out

# The tests render on the processor and on Mesa's software Vulkan.
test: setup
	@if cargo nextest --version >/dev/null 2>&1; then \
	  cargo nextest run --workspace --no-fail-fast && cargo test --workspace --doc; \
	else \
	  cargo test --workspace --no-fail-fast; \
	fi

build: setup
	cargo build --release --package vfxb-cli

# Nothing is asked for, and nothing is done if all is there.
setup:
	@sh .ci/setup $(PACKAGES)

clean:
	cargo clean
	rm -rf examples/out

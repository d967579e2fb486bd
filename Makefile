# The two commands: `make demo` renders the examples, `make test` runs every test.
# On Debian and Ubuntu both install the system packages that are missing; elsewhere see README.md.

PACKAGES := build-essential pkg-config clang libclang-dev curl \
            libavcodec-dev libavformat-dev libavutil-dev libavfilter-dev libswscale-dev libswresample-dev \
            mesa-vulkan-drivers faketime

EXAMPLES := $(sort $(wildcard examples/*.vfx examples/*.yaml))
VFXB := target/release/vfxb
SCHEMATHESIS := 4.32.5

.PHONY: help demo test conform setup build clean
.DEFAULT_GOAL := help

help:
	@echo 'make demo     build vfxb, render examples/ on a real video, say where the films are'
	@echo 'make test     run every test'
	@echo 'make conform  hold the service to the document that it publishes'
	@echo 'make build    build $(VFXB)'
	@echo 'make setup    install the system packages that building needs (Debian, Ubuntu)'

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

# Thousands of requests, right and wrong, to a service of its own: every answer must be as /api/openapi.json says.
conform: build target/schemathesis/bin/schemathesis
	sh tests/conform/run $(VFXB) target/schemathesis/bin/schemathesis

target/schemathesis/bin/schemathesis:
	python3 -m venv target/schemathesis
	target/schemathesis/bin/pip install --quiet schemathesis==$(SCHEMATHESIS)

build: setup
	cargo build --release --package vfxb-cli

# Nothing is asked for, and nothing is done if all is there.
setup:
	@sh .ci/setup $(PACKAGES)

clean:
	cargo clean
	rm -rf examples/out

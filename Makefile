# The front door; CMake does the work. `make help` lists what there is.
PREFIX ?= /usr/local
BUILD_PACKAGES = gcc libc6-dev make cmake ninja-build pkg-config libsqlite3-dev libcurl4-openssl-dev libjson-c-dev \
	libuv1-dev libxxhash-dev libmicrohttpd-dev libpopt-dev libcyaml-dev libyaml-dev
TEST_PACKAGES = libcmocka-dev sqlite3 curl procps util-linux openssl nginx-light
NODE_PACKAGES = $(shell command -v npm >/dev/null || echo nodejs npm) # another node than Debian's brings its own npm
LINT_PACKAGES = clang clang-format clang-tidy cppcheck
PICTURE_PACKAGES = gnuplot-nox curl

.PHONY: all help deps deps-test deps-lint build demo test bench picture lint sanitize install clean
all: build

help:
	@echo "make          build the program as build/release/longhaul"
	@echo "make demo     a batch of 2,000 prompts against the simulated provider, killed and resumed"
	@echo "make test     unit tests, flows, crash tests"
	@echo "make bench    speed and memory, as ratios; and rate control; three quarters of an hour and 10 GB of disk (SCALE=small: five minutes)"
	@echo "make picture  docs/limits.svg anew: six minutes of a run against a limit that nobody told"
	@echo "make lint     formatting, clang-tidy, cppcheck, floors, warnings of both compilers"
	@echo "make sanitize the tests under address, undefined-behaviour and thread sanitizers"
	@echo "make install  PREFIX=$(PREFIX), DESTDIR for packagers"
	@echo "make deps     what is needed to build, from Debian's packages"

deps:
	@cmake/install_packages.sh $(BUILD_PACKAGES)
deps-test:
	@cmake/install_packages.sh $(BUILD_PACKAGES) $(TEST_PACKAGES) $(NODE_PACKAGES)
deps-lint:
	@cmake/install_packages.sh $(BUILD_PACKAGES) $(TEST_PACKAGES) $(NODE_PACKAGES) $(LINT_PACKAGES)

build: deps
	@cmake --preset release -DLH_TESTS=OFF >/dev/null
	@cmake --build build/release --target longhaul_cli longhaul

demo: build
	@LONGHAUL=$(CURDIR)/build/release/longhaul bash tests/demo.sh

test: deps-test
	@cmake --preset debug >/dev/null
	@cmake --build build/debug
	@ctest --test-dir build/debug --output-on-failure -j 2

bench: deps-test
	@cmake --preset release -DLH_TESTS=ON >/dev/null
	@cmake --build build/release
	@bash tests/bench/run.sh

picture: build
	@cmake/install_packages.sh $(PICTURE_PACKAGES)
	@LONGHAUL=$(CURDIR)/build/release/longhaul bash docs/picture_of_limits.sh

lint: deps-lint
	@bash cmake/lint.sh

sanitize: deps-lint
	@bash cmake/sanitize.sh

install: build
	@cmake --install build/release --prefix $(PREFIX)

clean:
	rm -rf build

# dellad: build, test, install. `make help` lists the targets.
#
# Whatever a target needs from Debian is installed by it: apt, with sudo when not root.

PREFIX ?= /usr/local
DESTDIR ?=
# amd64 or arm64, where it is not the host's: for Package.swift, and for deb and tarball.
export ARCH ?=
SWIFT ?= swift
# One binary that needs no Swift runtime on the host.
RELEASE := -c release --static-swift-stdlib
BIN := .build/release/dellad

PACKAGES := g++ git liburing-dev libsystemd-dev pkg-config

.DEFAULT_GOAL := build
.PHONY: help build debug test fuzz fuzz-adapters fuzz-spool test-crash test-release test-systemd test-slurm test-kubernetes test-image test-report \
	lint bench bench-planning bench-mergekit bench-parts demo install deb tarball image \
	clean packages toolchain test-packages cross-arm64 test-arm64 test-arm64-pages

help:
	@sed -n 's/^\([a-z0-9-]*\):.*## \(.*\)/\1|\2/p' $(MAKEFILE_LIST) | awk -F'|' '{printf "  make %-16s %s\n", $$1, $$2}'

toolchain:
	@Makefile.d/need-swift $(SWIFT)

packages: toolchain
	@Makefile.d/apt-install $(PACKAGES)

build: packages ## the release binary, .build/release/dellad
	$(SWIFT) build $(RELEASE) --product dellad

debug: packages ## the debug build
	$(SWIFT) build

test-packages: packages
	@Makefile.d/apt-install python3

test: test-packages ## every test: a quarter of an hour on two cores, with the build
	$(SWIFT) build --build-tests
	$(SWIFT) test --skip-build
	Tests/Scripts/open-with-transformers.sh "$$($(SWIFT) build --show-bin-path)/dellad"
	Tests/Scripts/fetch-from-hub.sh "$$($(SWIFT) build --show-bin-path)/dellad"
	@python3 -c 'import numpy' 2>/dev/null || Makefile.d/apt-install python3-numpy || true
	Tests/Scripts/check-report.py "$$($(SWIFT) build --show-bin-path)/dellad"

SECONDS ?= 60
SEED ?=

fuzz: test-packages ## random merges against the reference: SECONDS=60, SEED= repeats a case
	$(SWIFT) build --build-tests
	DELLAD_FUZZ_SECONDS=$(SECONDS) $(if $(SEED),DELLAD_FUZZ_SEED=$(SEED)) \
		$(SWIFT) test --skip-build --filter MergeFuzzTests

fuzz-adapters: debug test-packages ## random LoRA adapters against peft, where python has it: SECONDS=60, SEED= the first case
	TEST_ADAPTER_SECONDS=$(SECONDS) TEST_ADAPTER_SEED=$(SEED) \
		Tests/Scripts/open-with-transformers.sh "$$($(SWIFT) build --show-bin-path)/dellad" random_adapters

fuzz-spool: test-packages ## random acts upon a spool, against a model of it: SECONDS=60, SEED= repeats a case
	$(SWIFT) build --build-tests
	DELLAD_FUZZ_SECONDS=$(SECONDS) $(if $(SEED),DELLAD_FUZZ_SEED=$(SEED)) \
		$(SWIFT) test --skip-build --filter SpoolFuzzTests

test-crash: test-packages ## every crash and failure point of a tiny merge and of the daemon: about 20 minutes
	TEST_CRASH_STRIDE=1 $(SWIFT) test --filter CrashPointTests

test-release: build ## that the release binary runs on processors without AVX
	@Makefile.d/apt-install binutils qemu-user
	Tests/Scripts/run-without-avx.sh $(BIN)

lint: test-packages ## the format of the sources, and who uses whom
	$(SWIFT) format lint --strict --recursive Sources Tests Package.swift
	Tests/Scripts/check-layers.py

bench: build test-packages ## floor and merge in turn, and the kernels: the table of docs/performance.md
	@Makefile.d/apt-install fio
	Makefile.d/bench $(BIN)

bench-planning: build ## what planning takes, by tensors and models: a table of docs/performance.md
	Makefile.d/bench-planning $(BIN)

bench-mergekit: build test-packages ## the same merge by dellad and by mergekit, where that is installed
	Makefile.d/bench-mergekit $(BIN)

bench-parts: build test-packages ## how merges in parts scale, with a disk's rate divided: the table of docs/cluster.md
	Makefile.d/bench-parts $(BIN)

demo: build test-packages ## synthesise two models, serve, merge one dropped config, and say what it took
	Makefile.d/demo $(BIN)

install: ## the program, units, manual pages and completions below $(DESTDIR)$(PREFIX)
	@# After a pull the program is an old one.
	@if ! test -x $(BIN) || test -n "$$(find Sources Package.swift -newer $(BIN) -print -quit)"; then $(MAKE) build; fi
	Makefile.d/stage $(BIN) "$(DESTDIR)" "$(PREFIX)" "$(PREFIX)/lib/systemd/system"

deb: build ## dist/dellad_VERSION_ARCH.deb
	@Makefile.d/apt-install binutils xz-utils
	Makefile.d/deb $(BIN)

tarball: build ## dist/dellad-VERSION-linux-ARCH.tar.gz
	@Makefile.d/apt-install binutils
	Makefile.d/tarball $(BIN)

image: build ## dist/dellad-VERSION-oci-ARCH.tar, an image for containers; skipped where buildah cannot be used
	@Makefile.d/apt-install binutils buildah || true
	Makefile.d/image $(BIN)

# Debian's trees and what is built for arm64: 5 GB.
CROSS ?= .build-arm64
CROSS_BIN = $(CROSS)/build/aarch64-unknown-linux-gnu/release/dellad

cross-arm64: ## dist/dellad_VERSION_arm64.deb and its tarball, built on amd64 with Debian's own Swift
	@Makefile.d/apt-install mmdebstrap debian-archive-keyring bubblewrap git qemu-user binutils \
		binutils-aarch64-linux-gnu xz-utils
	Makefile.d/cross-arm64 "$(CROSS)"

test-arm64: build cross-arm64 test-packages ## that the arm64 binary gives the same bytes, in emulation
	SYSROOT="$(CROSS)/target" Tests/Scripts/merge-under-emulation.sh $(BIN) "$(CROSS_BIN)"

test-arm64-pages: build cross-arm64 ## the same with io_uring on Debian's arm64 kernel with pages of 16 KiB, and its memory
	@Makefile.d/apt-install qemu-system-arm cpio kmod xz-utils e2fsprogs
	Tests/Scripts/merge-on-large-pages.sh $(BIN) "$(CROSS_BIN)" "$(CROSS)"

DEBIAN ?= 12

test-systemd: deb ## the package under a real systemd, in a container: DEBIAN="12 13" for both; skipped where that cannot be
	@Makefile.d/apt-install lintian debootstrap systemd-container man-db || true
	for release in $(DEBIAN); do DELLAD_DEBIAN=$$release Tests/systemd/run || exit 1; done

test-kubernetes: build test-packages ## that contrib/kubernetes does what it says, without a cluster
	Tests/kubernetes/run $(BIN)

test-image: image test-packages ## that the image merges, read-only and as its user; skipped where this user may not mount
	Tests/kubernetes/run_image.py dist/dellad-$$(Makefile.d/version)-oci-$$(dpkg --print-architecture).tar

test-slurm: build test-packages ## contrib's script on a real Slurm on this machine, with kills and lost nodes: two minutes; skipped where it cannot be
	@Makefile.d/apt-install --no-start slurm-wlm munge || true
	Tests/slurm/run $(BIN)

test-report: test-packages ## reports in a browser, headless: pictures in .build/report; skipped where there is no Chromium
	@Makefile.d/apt-install chromium tidy fonts-dejavu-core || true
	Tests/Scripts/open-reports.sh "$(SWIFT)"

clean: ## what was built
	rm -rf .build demo dist

# dellad: build and test. `make help` lists the targets.
#
# Whatever a target needs from Debian is installed by it: apt, with sudo when not root.

SWIFT ?= swift

PACKAGES := liburing-dev pkg-config

.DEFAULT_GOAL := debug
.PHONY: help debug test lint clean packages

help:
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1|\2/p' $(MAKEFILE_LIST) | column -t -s '|'

packages:
	@Makefile.d/apt-install $(PACKAGES)

debug: packages ## the debug build
	$(SWIFT) build

test: packages ## every test
	$(SWIFT) build --build-tests
	$(SWIFT) test --skip-build

lint: ## the format of the sources
	$(SWIFT) format lint --strict --recursive Sources Tests Package.swift

clean: ## what was built
	rm -rf .build

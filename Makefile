# Targets build and start their prerequisites. Run `make` to list them.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

ENV ?= dev
VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
FUZZTIME ?= 60s
GO_FILES := $(shell git ls-files -co --exclude-standard '*.go' 'internal/cli/completion/*' 'internal/report/*.tmpl' go.mod go.sum | grep -v '^services/')
TOOLS := $(CURDIR)/bin/tools
# Use the same flags everywhere, so that the binary, the linter and the tests share
# the build and test caches, also between clones. `make lint` runs vet.
export GOFLAGS := $(shell go env GOFLAGS) -trimpath -vet=off
export CGO_ENABLED := 0
# Reduce the compiler's garbage collection, a sixth of its time on few cores.
export GOGC := 400
# The race detector requires cgo.
RACE := CGO_ENABLED=1 go test -race

##@ Use

.PHONY: up
up: engine build ## start an engine, then build, deploy and verify the checkout (ENV=dev)
	bin/tkdeploy up --env $(ENV)

.PHONY: down
down: build ## delete the environment's cluster, keep its data
	bin/tkdeploy down --env $(ENV)

.PHONY: build
build: bin/tkdeploy ## compile bin/tkdeploy, which embeds the smoke test's program

# Defined before the rule that needs it: make expands prerequisites when it reads them.
PROBES := $(addprefix internal/verify/program/programs/linux-,amd64.gz arm64.gz)

bin/tkdeploy: $(GO_FILES) $(PROBES)
	go build -ldflags '-s -w -X tkdeploy.dev/tkdeploy/internal/buildinfo.version=$(VERSION)' -o $@ ./cmd/tkdeploy

.PHONY: probes
probes: $(PROBES) ## compile the smoke test's program for the platforms of nodes, which tkdeploy embeds

$(PROBES): internal/verify/program/programs/linux-%.gz: $(shell go list -deps -f '{{if and .Module .Module.Main}}{{$$d := .Dir}}{{range .GoFiles}}{{$$d}}/{{.}} {{end}}{{end}}' ./cmd/tkdeploy-probe) hack/probes/main.go go.mod go.sum
	go run ./hack/probes $(@D) linux/$*

.PHONY: engine
engine: ## start a Docker engine if none is running, install it if needed (Debian, root)
	hack/engine.sh

.PHONY: deps
deps: ## install the OS packages that the tests need (Debian, root)
	hack/packages.sh
	hack/engine.sh --install-only

# For tests and benchmarks, which install no OS packages.
.PHONY: start-engine
start-engine:
	hack/engine.sh --no-install

.PHONY: check-deps
check-deps:
	hack/packages.sh --check

##@ Test

# Run two jobs, one per core on the reference machine: first the targets that compile, then
# those that wait for clusters, at most two at a time, because a third slows all down. Output
# lines are interleaved. --assume-old skips the finished prerequisites, because GNU make 4.3
# starts targets with prerequisites only after all targets without.
PARALLEL := $(MAKE) --no-print-directory --jobs 2 --assume-old start-engine --assume-old build

.PHONY: test
test: check-deps start-engine build ## run lint and all tests, from unit tests to e2e tests on real clusters
	$(PARALLEL) test-images test-frontend test-unit test-services lint || { hack/test-adapters.sh --clean; false; }
	$(PARALLEL) test-stack test-parts test-counts
	$(MAKE) --no-print-directory test-engine29

# Skip the race detector for tests that only run the binary or render the chart, and for
# internal/release, whose matrix of failing requests runs Helm hundreds of times. It makes
# them five to seven times slower, and one Helm run covers the same code.
.PHONY: test-unit
test-unit: ## run unit tests, most with the race detector (no engine needed)
	$(RACE) -short ./internal/... ./bench/... ./hack/...
	go test ./cmd/... ./test/... ./internal/release

.PHONY: fuzz
fuzz: ## run each fuzz target for FUZZTIME (60s)
	hack/fuzz.sh $(FUZZTIME)

.PHONY: test-services
test-services: ## test the reference stack's services
	hack/packages.sh --check initdb redis-server
	cd services && $(RACE) ./...

# vet type-checks packages and their tests without linking. It compiles the dependencies
# for each platform once; then it takes seconds.
.PHONY: cross
cross: ## vet all packages for linux and darwin, on amd64 and arm64
	for platform in {linux,darwin}/{amd64,arm64}; do \
	  echo "vet $$platform" && GOOS=$${platform%/*} GOARCH=$${platform#*/} go vet ./... || exit 1; \
	done

.PHONY: test-install
test-install: ## install a release's commit with go install, for linux and darwin, on amd64 and arm64
	hack/test-install.sh

.PHONY: test-frontend
test-frontend: services/frontend/node_modules ## lint, type-check and unit-test the frontend
	cd services/frontend && npm run --silent lint && npm run --silent typecheck && npm run --silent test

services/frontend/node_modules: services/frontend/package-lock.json
	cd services/frontend && npm ci --no-audit --no-fund --loglevel=error
	touch $@

.PHONY: test-adapters
test-adapters: start-engine build ## test the packages that use an engine and a cluster, on real ones
	hack/test-adapters.sh

E2E := TKDEPLOY_BIN=$(CURDIR)/bin/tkdeploy go test -tags e2e -count 1 -timeout 60m -v ./test/e2e/...

.PHONY: test-e2e
test-e2e: test-images test-stack test-parts ## run the e2e tests on a real engine and real kind clusters

.PHONY: test-images
test-images: start-engine build
	hack/test-images.sh

.PHONY: test-stack
test-stack: start-engine build services/frontend/node_modules
	hack/packages.sh --check chromium
	$(E2E) -run TestStack

.PHONY: test-parts
test-parts: test-adapters
	$(E2E) -skip TestStack

.PHONY: test-engine29
test-engine29: build ## run the pipeline on a second engine, with the containerd image store (Linux, root)
	hack/engine29.sh run env $(E2E) -run TestEngine29

.PHONY: test-faults
test-faults: test-images services/frontend/node_modules ## run the fault list and write the results to docs/faults.md
	hack/packages.sh --check jq
	hack/test-faults.sh $(FUZZTIME)

# BENCH selects a part: BENCH='-apps svc5 -blocks 3', see bench/README.md. The lock keeps
# test/e2e from killing the engine during a benchmark.
BENCH ?=
RUN_BENCH := flock --shared $${TMPDIR:-/tmp}/tkdeploy-tests-use-the-engine $(TOOLS)/bench
BENCH_TOOLS := $(addprefix $(TOOLS)/,bench launch crictl kind helm)

.PHONY: bench
bench: start-engine build $(BENCH_TOOLS) ## compare tkdeploy with a script of docker, kind and helm, write docs/performance* (2 hours)
	$(RUN_BENCH) $(BENCH)

.PHONY: bench-quick
bench-quick: start-engine build $(BENCH_TOOLS) ## run a small part of bench, fail on wrong results or counts, not on times (minutes)
	$(RUN_BENCH) -quick -arms hand,tkdeploy

.PHONY: test-counts
test-counts: start-engine build $(addprefix $(TOOLS)/,bench launch) ## check the exact counts of tkdeploy's part of bench-quick
	$(RUN_BENCH) -quick -arms tkdeploy

.PHONY: lint
lint: $(TOOLS)/golangci-lint $(TOOLS)/govulncheck $(TOOLS)/actionlint ## run golangci-lint, shape, shellcheck, actionlint and, if its database is reachable, govulncheck
	$(TOOLS)/golangci-lint run --allow-parallel-runners ./...
	cd services && $(TOOLS)/golangci-lint run --allow-parallel-runners --config ../.golangci.yml ./...
	go run ./hack/shape ./internal/... ./bench/... ./hack/...
	hack/shellcheck.sh
	$(TOOLS)/actionlint .github/workflows/*.yml
	hack/govulncheck.sh $(TOOLS)/govulncheck

$(TOOLS)/%: hack/tools/go.mod hack/tools/go.sum
	cd hack/tools && go build -o $@ $$(go list -f '{{.ImportPath}}' tool | grep '/$*$$')

$(TOOLS)/actionlint: hack/tools/actionlint/go.mod hack/tools/actionlint/go.sum
	cd hack/tools/actionlint && go build -o $@ $$(go list -f '{{.ImportPath}}' tool)

$(TOOLS)/goreleaser: hack/tools/goreleaser/go.mod hack/tools/goreleaser/go.sum
	cd hack/tools/goreleaser && go build -ldflags '-s -w' -o $@ $$(go list -f '{{.ImportPath}}' tool)

$(TOOLS)/release: $(GO_FILES)
	go build -ldflags '-s -w' -o $@ ./hack/release

$(TOOLS)/bench: $(GO_FILES) $(wildcard bench/internal/fixture/*/* bench/internal/fixture/*/*/*)
	go build -o $@ ./bench

# Static (CGO_ENABLED=0), because crictl runs in a node.
$(TOOLS)/launch $(TOOLS)/crictl: $(GO_FILES)
	go build -ldflags '-s -w' -o $@ ./bench/$(@F)

# Use the versions in tkdeploy's own go.mod.
$(TOOLS)/kind $(TOOLS)/helm: go.mod go.sum
	go build -o $@ $$(go list -f '{{.ImportPath}}' tool | grep '/$(@F)$$')

##@ Release

# TARGET=linux_amd64 restricts the release to one platform. Build first what the binary embeds.
SNAPSHOT_FLAGS ?=
.PHONY: snapshot
snapshot: build $(TOOLS)/goreleaser $(TOOLS)/release ## build the archives and packages of a release into bin/dist, for one platform if TARGET is set
	$(TOOLS)/goreleaser release --snapshot --clean $(SNAPSHOT_FLAGS)
	$(TOOLS)/release formula bin/dist

# The release's install.sh downloads from the repository that has released it.
.PHONY: release
release: build $(TOOLS)/goreleaser $(TOOLS)/release ## build the release of the checked-out tag into bin/dist, publish nothing
	$(TOOLS)/goreleaser release --clean --skip=publish,announce
	$(TOOLS)/release formula bin/dist
	sed "s|https://tkdeploy.dev/tkdeploy/releases|$${TKDEPLOY_RELEASES:-&}|" install.sh > bin/dist/install.sh

.PHONY: test-snapshot
test-snapshot: ## build the archive of this platform and run the program in it
	$(MAKE) --no-print-directory snapshot TARGET=$$(go env GOOS)_$$(go env GOARCH) SNAPSHOT_FLAGS=--skip=nfpm
	TKDEPLOY_DIST=$(CURDIR)/bin/dist go test -tags snapshot -count 1 ./test/snapshot

##@ Other

.PHONY: fmt
fmt: $(TOOLS)/golangci-lint ## format all Go files
	$(TOOLS)/golangci-lint fmt ./...

.PHONY: clean
clean: ## remove build output
	rm -rf bin

.PHONY: help
help:
	@awk 'BEGIN {FS = ":.*## "} /^##@/ {printf "\n%s\n", substr($$0, 5)} /^[a-z0-9-]+:.*## / {printf "  %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

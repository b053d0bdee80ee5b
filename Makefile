# Every target starts what it needs. `make` alone lists them.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

ENV ?= dev
VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
FUZZTIME ?= 60s
GO_FILES := $(shell git ls-files -co --exclude-standard '*.go' 'internal/cli/completion/*' 'internal/report/*.tmpl' go.mod go.sum | grep -v '^services/')
TOOLS := $(CURDIR)/bin/tools
# What is compiled, and which tests passed on it, is then the same in every clone,
# and for the binary, the linter and the tests on clusters. Lint vets, with more care.
export GOFLAGS := $(shell go env GOFLAGS) -trimpath -vet=off
export CGO_ENABLED := 0
# Go's compiler collects less garbage then: that takes a sixth of its time where cores are few.
export GOGC := 400
# The race detector wants cgo.
RACE := CGO_ENABLED=1 go test -race

##@ Use

.PHONY: up
up: engine build ## from a bare machine to a running, checked deployment (ENV=dev)
	bin/tkdeploy up --env $(ENV)

.PHONY: down
down: build ## delete the environment's cluster; data is kept
	bin/tkdeploy down --env $(ENV)

.PHONY: build
build: bin/tkdeploy bin/tkdeploy-probe ## compile bin/tkdeploy, and the smoke test's program beside it

bin/tkdeploy: $(GO_FILES)
	go build -ldflags '-s -w -X tkdeploy.dev/tkdeploy/internal/buildinfo.version=$(VERSION)' -o $@ ./cmd/tkdeploy

# It is an image: the same sources give the same bytes, whatever the commit.
bin/tkdeploy-probe: $(GO_FILES)
	go build -buildvcs=false -ldflags '-s -w' -o $@ ./cmd/tkdeploy-probe

.PHONY: engine
engine: ## start a Docker engine where none answers
	hack/engine.sh

##@ Test

# Two at a time, as there are cores: first what compiles, then what waits for clusters, of
# which a third makes all wait, and so comes last. Lines are mixed. (That engine and build
# are done is told, because GNU make 4.3 starts no target that waited for another before all
# that did not are done.)
PARALLEL := $(MAKE) --no-print-directory --jobs 2 --assume-old engine --assume-old build

.PHONY: test
test: engine build ## everything, unit to e2e on a real cluster
	$(PARALLEL) test-images test-frontend test-unit test-services lint || { hack/test-adapters.sh --take-away; false; }
	$(PARALLEL) test-stack test-parts test-counts

# Without the race detector is what only runs the binary or renders the chart, and the
# failing-request matrix, hundreds of runs of Helm: it takes five to seven times as long and
# sees nothing that it does not see in one of them.
.PHONY: test-unit
test-unit: ## unit tests, most with the race detector; no engine needed
	$(RACE) -short ./internal/... ./bench/... ./hack/...
	go test ./cmd/... ./test/... ./internal/release

.PHONY: fuzz
fuzz: ## each fuzz target for FUZZTIME (60s), one after the other
	hack/fuzz.sh $(FUZZTIME)

.PHONY: test-services
test-services: ## tests of the reference stack's services
	hack/packages.sh
	cd services && $(RACE) ./...

.PHONY: test-frontend
test-frontend: services/frontend/node_modules ## the frontend's lint, types and unit tests
	cd services/frontend && npm run --silent lint && npm run --silent typecheck && npm run --silent test

services/frontend/node_modules: services/frontend/package-lock.json
	cd services/frontend && npm ci --no-audit --no-fund --loglevel=error
	touch $@

.PHONY: test-adapters
test-adapters: engine build ## the packages that speak to engine and cluster, on real ones
	hack/test-adapters.sh

E2E := TKDEPLOY_BIN=$(CURDIR)/bin/tkdeploy go test -tags e2e -count 1 -timeout 60m -v ./test/e2e/...

.PHONY: test-e2e
test-e2e: test-images test-stack test-parts ## real engine, real kind clusters, environments of their own

.PHONY: test-images
test-images: engine build
	hack/test-images.sh

.PHONY: test-stack
test-stack: engine build services/frontend/node_modules
	hack/packages.sh
	$(E2E) -run TestStack

.PHONY: test-parts
test-parts: test-adapters
	$(E2E) -skip TestStack

.PHONY: test-faults
test-faults: test-images services/frontend/node_modules ## every row of the fault list, and the table of what was seen: docs/faults.md
	hack/test-faults.sh $(FUZZTIME)

# With BENCH='-apps svc5 -blocks 3' only that: bench/README.md. The lock keeps test/e2e
# from killing the engine meanwhile.
BENCH ?=
RUN_BENCH := flock --shared $${TMPDIR:-/tmp}/tkdeploy-tests-use-the-engine $(TOOLS)/bench
BENCH_TOOLS := $(addprefix $(TOOLS)/,bench launch crictl kind helm)

.PHONY: bench
bench: engine build $(BENCH_TOOLS) ## two hours: tkdeploy against a script of docker, kind and helm; writes docs/performance.*
	$(RUN_BENCH) $(BENCH)

.PHONY: bench-quick
bench-quick: engine build $(BENCH_TOOLS) ## minutes: a small part of it; fails on wrong results and exact counts, never on times
	$(RUN_BENCH) -quick -arms hand,tkdeploy

.PHONY: test-counts
test-counts: engine build $(addprefix $(TOOLS)/,bench launch) ## tkdeploy's part of bench-quick: what a run does, and no more
	$(RUN_BENCH) -quick -arms tkdeploy

.PHONY: lint
lint: $(TOOLS)/golangci-lint $(TOOLS)/govulncheck $(TOOLS)/actionlint ## golangci-lint, shellcheck, actionlint and, where its database can be reached, govulncheck
	$(TOOLS)/golangci-lint run --allow-parallel-runners ./...
	cd services && $(TOOLS)/golangci-lint run --allow-parallel-runners --config ../.golangci.yml ./...
	hack/shellcheck.sh
	$(TOOLS)/actionlint .github/workflows/*.yml
	hack/govulncheck.sh $(TOOLS)/govulncheck

$(TOOLS)/%: hack/tools/go.mod hack/tools/go.sum
	cd hack/tools && go build -o $@ $$(go list -f '{{.ImportPath}}' tool | grep '/$*$$')

$(TOOLS)/actionlint: hack/tools/actionlint/go.mod hack/tools/actionlint/go.sum
	cd hack/tools/actionlint && go build -o $@ $$(go list -f '{{.ImportPath}}' tool)

$(TOOLS)/bench: $(GO_FILES) $(wildcard bench/internal/fixture/*/* bench/internal/fixture/*/*/*)
	go build -o $@ ./bench

# Static: crictl runs in a node.
$(TOOLS)/launch $(TOOLS)/crictl: $(GO_FILES)
	go build -ldflags '-s -w' -o $@ ./bench/$(@F)

# Of the versions that tkdeploy itself is made of.
$(TOOLS)/kind $(TOOLS)/helm: go.mod go.sum
	go build -o $@ $$(go list -f '{{.ImportPath}}' tool | grep '/$(@F)$$')

##@ Other

.PHONY: fmt
fmt: $(TOOLS)/golangci-lint ## format all Go files
	$(TOOLS)/golangci-lint fmt ./...

.PHONY: clean
clean: ## remove what was built here
	rm -rf bin

.PHONY: help
help:
	@awk 'BEGIN {FS = ":.*## "} /^##@/ {printf "\n%s\n", substr($$0, 5)} /^[a-z0-9-]+:.*## / {printf "  %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

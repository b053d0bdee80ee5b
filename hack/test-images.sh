#!/usr/bin/env bash
# Make all images that the tests on clusters want, the node's too, and compile
# those tests: none shall share the machine with a compiler. The cluster that the
# node's image is made for stays, for test-adapters.sh.
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source=shop.sh
source hack/shop.sh
"$tkdeploy" up --env ci --only build &
stack=$!
lay_out tkdeploy-adapters 25080
in_app up --to cluster
go test -tags e2e -run '^$' ./internal/images ./internal/release ./internal/rollout ./internal/verify ./test/e2e >/dev/null
wait "$stack"
trap - EXIT

#!/usr/bin/env bash
# Build all images for the tests on clusters, including the node image, and compile
# these tests, so that they do not share the machine with a compiler. The cluster
# remains for test-adapters.sh.
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source=shop.sh
source hack/shop.sh
"$tkdeploy" up --env ci --only build &
stack=$!
create_app tkdeploy-adapters 25080
in_app up --to cluster
go test -tags e2e -run '^$' ./internal/images ./internal/nodeload ./internal/release ./internal/rollout ./internal/verify ./test/e2e >/dev/null
wait "$stack"
trap - EXIT

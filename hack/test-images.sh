#!/usr/bin/env bash
# Make all images that the tests on clusters want, the node's too, and compile
# those tests: none shall share the machine with a compiler. Where all is there,
# it takes the time of one small cluster.
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source=shop.sh
source hack/shop.sh
"$tkdeploy" up --env ci --only build &
stack=$!
lay_out tkdeploy-images 25081
in_app up --to cluster
go test -tags e2e -run '^$' ./internal/images ./internal/release ./internal/rollout ./internal/verify ./test/e2e >/dev/null
wait "$stack"

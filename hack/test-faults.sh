#!/usr/bin/env bash
# Run the tests of all rows of the fault list on real clusters, and write the
# results to docs/faults.md. This uses two clusters at a time and takes about an
# hour and a half on 2 cores. Row 56 kills the engine with all containers of this
# machine, and runs only with TKDEPLOY_E2E_KILL_ENGINE=1.
#
#   hack/test-faults.sh [FUZZTIME]      time per fuzz target; default: 60s
set -euo pipefail
cd "$(dirname "$0")/.."
export TKDEPLOY_BIN=$PWD/bin/tkdeploy TKDEPLOY_E2E_FAULTS=all
logs=artifacts/faults
rm -rf "$logs"
mkdir -p "$logs"

# record NAME COMMAND... runs COMMAND with `go test -json`, saves the JSON and prints
# the output. It ignores failures, which hack/faults reports.
record() {
  local name=$1
  shift
  GOFLAGS="${GOFLAGS:-} -json" "$@" 2>&1 | tee "$logs/$name.jsonl" |
    jq --unbuffered -Rrj 'fromjson? | select(.Action == "output").Output' || true
}

e2e=(go test -tags e2e -count 1 -timeout 120m -v)
record unit go test ./...
record fuzz hack/fuzz.sh "${1:-60s}"
record stack "${e2e[@]}" -run 'TestStack|TestBrokenServices' ./test/e2e/... &
record adapters hack/test-adapters.sh
record parts "${e2e[@]}" -skip 'TestStack|TestBrokenServices' ./test/e2e/...
wait
go run ./hack/faults docs/faults.md "$logs"/*.jsonl

#!/usr/bin/env bash
# Run every test that a row of the fault list names, on real clusters, and write
# the table of what was seen to docs/faults.md. Two clusters at a time; about an
# hour and a half on 2 cores. Row 56 kills the engine, and with it all containers of this
# machine: it is tried where TKDEPLOY_E2E_KILL_ENGINE=1.
#
#   hack/test-faults.sh [FUZZTIME]      the time for each fuzz target; default: 60s
set -euo pipefail
cd "$(dirname "$0")/.."
export TKDEPLOY_BIN=$PWD/bin/tkdeploy TKDEPLOY_E2E_FAULTS=all
logs=artifacts/faults
rm -rf "$logs"
mkdir -p "$logs"

# record NAME COMMAND... keeps the JSON of the go test below COMMAND and prints its
# text. A failure is told by the table.
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

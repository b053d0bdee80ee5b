#!/usr/bin/env bash
# Nightly job: deploy environment ci from this checkout, save the artifacts, and
# delete the environment, also after a failure. The environment has its own cluster
# and ports, so it does not affect a developer's cluster.
#
#   hack/nightly.sh [DIR]      or ARTIFACTS=DIR; default: artifacts/nightly
#
# DIR receives junit.xml, report.html, events.jsonl, status.txt and the console logs
# of the nodes. collect.err lists errors in collecting them. If up fails, its support
# bundle is in diagnostics. The exit code is that of `tkdeploy up` or, if that
# succeeds, of the first failed step.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
artifacts=${1:-${ARTIFACTS:-$root/artifacts/nightly}}
mkdir -p "$artifacts"
artifacts=$(cd "$artifacts" && pwd)
cd "$root"
cluster=tiktok-ci # as in tkdeploy.yaml
unset TKDEPLOY_CONFIG

# run COMMAND... runs a command in its own process group and waits for it. Ctrl-C
# then reaches only this script, which forwards it once.
child='' stopped='' again=''
run() {
  local status
  [ -z "$stopped" ] || return 143
  set -m
  "$@" </dev/null &
  child=$!
  set +m
  again=1
  while [ -n "$again" ]; do
    again=''
    wait "$child" && status=0 || status=$?
  done
  child=''
  return "$status"
}

# stop forwards a signal and prevents further commands.
stop() {
  stopped=1 again=1 # a signal interrupts wait
  [ -z "$child" ] || kill -TERM "$child" 2>/dev/null || true
}

collect() {
  local node
  bin/tkdeploy status --env ci >"$artifacts/status.txt"
  for node in $(docker ps -a --filter "label=io.x-k8s.kind.cluster=$cluster" --format '{{.Names}}'); do
    mkdir -p "$artifacts/logs"
    docker logs "$node" >"$artifacts/logs/$node.log" 2>&1
  done
}

finish() {
  local status=$?
  trap - EXIT
  trap again=1 INT TERM # a signal must not interrupt the cleanup
  stopped=''
  (set +e && collect) 2>"$artifacts/collect.err" || true
  run bin/tkdeploy down --env ci --volumes || { local down=$? && [ "$status" -ne 0 ] || status=$down; }
  echo "nightly: exit code $status, artifacts in $artifacts" >&2
  exit "$status"
}

trap stop INT TERM
rm -rf "$artifacts"/{junit.xml,report.html,events.jsonl,status.txt,logs,diagnostics} # from an earlier run
run make engine build
trap finish EXIT
run bin/tkdeploy up --env ci --junit "$artifacts/junit.xml" --diagnostics "$artifacts/diagnostics" --report "$artifacts/report.html" --output json >"$artifacts/events.jsonl"

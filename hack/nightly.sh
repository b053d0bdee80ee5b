#!/usr/bin/env bash
# The nightly job: bring up environment ci from this checkout, keep what a CI
# server shows of it, and take it down again, however it went. A developer's
# own cluster is not touched: the cluster and the ports of ci are its own.
#
#   hack/nightly.sh [FOLDER]      or ARTIFACTS=FOLDER; default: artifacts/nightly
#
# In the folder: junit.xml, report.html, events.jsonl, status.txt and the consoles of the
# nodes, with collect.err, which says what of them could not be had; if up fails,
# its bundle of evidence below diagnostics. The exit status is that of
# `tkdeploy up`; where that is 0, of the step that failed.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
artifacts=${1:-${ARTIFACTS:-$root/artifacts/nightly}}
mkdir -p "$artifacts"
artifacts=$(cd "$artifacts" && pwd)
cd "$root"
cluster=tiktok-ci # as tkdeploy.yaml has it
unset TKDEPLOY_CONFIG

# run runs a command in a process group of its own, so that Ctrl-C does not reach
# it beside this script, and waits for its end. Signals are passed on.
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

stop() {
  stopped=1 again=1 # a signal ends wait early
  [ -z "$child" ] || kill -TERM "$child" 2>/dev/null || true
}

# collect keeps what is not in up's own bundle.
collect() {
  local node
  bin/tkdeploy status --env ci >"$artifacts/status.txt"
  for node in $(docker ps -a --filter "label=io.x-k8s.kind.cluster=$cluster" --format '{{.Names}}'); do
    mkdir -p "$artifacts/logs"
    docker logs "$node" >"$artifacts/logs/$node.log" 2>&1
  done
}

# finish keeps the logs, whatever can be had of them, and takes the stack down.
finish() {
  local status=$?
  trap - EXIT
  trap again=1 INT TERM # asked to stop, it does so by going on
  stopped=''
  (set +e && collect) 2>"$artifacts/collect.err" || true
  run bin/tkdeploy down --env ci --volumes || { local down=$? && [ "$status" -ne 0 ] || status=$down; }
  echo "nightly: exit status $status, artifacts in $artifacts" >&2
  exit "$status"
}

trap stop INT TERM
rm -rf "$artifacts"/{junit.xml,report.html,events.jsonl,status.txt,logs,diagnostics} # of an earlier run
run make engine build
trap finish EXIT
run bin/tkdeploy up --env ci --junit "$artifacts/junit.xml" --diagnostics "$artifacts/diagnostics" --report "$artifacts/report.html" --output json >"$artifacts/events.jsonl"

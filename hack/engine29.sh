#!/usr/bin/env bash
# Run tests on a second, current Docker engine (29, containerd image store).
#
#   hack/engine29.sh run COMMAND...   start the engine, run COMMAND with it, stop it
#   hack/engine29.sh start            start the engine, and print how to use it
#   hack/engine29.sh stop             stop the engine, and delete its data
#
# The engine is built from hack/engine29/go.mod, its containerd and runc are those of
# offline/node. It has a network namespace of its own, because two engines in one share
# iptables and docker0. Programs that use its ports must run there too. The namespace
# has no network outside. All of this needs root on Linux; otherwise `run` runs COMMAND
# without the engine, with the reason in TKDEPLOY_ENGINE29_MISSING.
set -euo pipefail
cd "$(dirname "$0")/.."
root=$PWD
state=${TMPDIR:-/tmp}/tkdeploy-engine29
namespace=tkdeploy-engine29
socket=$state/docker.sock
pidfile=$state/docker.pid
moby=github.com/moby/moby/v2

inside() { nsenter --net="/run/netns/$namespace" env DOCKER_HOST="unix://$socket" "$@"; }

# missing prints why the engine cannot run here.
missing() {
  if [ "$(uname -s)" != Linux ]; then
    echo "the engine needs Linux"
  elif [ "$(id -u)" -ne 0 ]; then
    echo "the engine needs root"
  elif [ ! -x "$(command -v ip)" ] || [ ! -x "$(command -v nsenter)" ] || [ ! -x "$(command -v iptables)" ]; then
    echo "ip, nsenter or iptables not found: run make deps"
  elif ! ip netns list >/dev/null 2>&1; then
    echo "network namespaces are not available"
  fi
}

# build prints the directories of the programs, separated by colons, after it built
# what is missing.
build() (
  cd offline/node
  # shellcheck source=../offline/lib.sh
  source ../lib.sh
  # shellcheck source=../offline/node/binaries.sh
  source ./binaries.sh
  begun=$(mktemp)
  trap 'rm -f "$begun"' EXIT
  total=4
  for part in containerd runc; do cached "$(module_dir "$part")" build_module "$part"; done
  engine=$cache/engine29-$({
    declare -f build_engine go_program
    cat "$root/hack/engine29/go.mod" "$root/hack/engine29/go.sum"
    go env GOVERSION GOARCH
  } | digest)
  cached "$engine" build_engine
  echo "$engine:$(module_dir containerd):$(module_dir runc)"
)

# build_engine DIR builds the engine's programs in DIR.
build_engine() {
  local program version
  version=$(awk -v module=$moby '$1 == module { print $2 }' "$root/hack/engine29/go.mod")
  rm -rf "$1" && mkdir "$1"
  for program in dockerd docker-proxy; do
    say "$program $version…"
    go_program engine29 0 "$root/hack/engine29" -o "$1/$program" \
      -ldflags "-s -w -X $moby/dockerversion.Version=${version#v}" "$moby/cmd/$program"
  done
}

start() {
  local programs
  programs=$(build)
  stop
  mkdir -p "$state"
  ip netns add $namespace
  ip -n $namespace link set lo up
  # Start in a session of its own, and close the caller's lock files.
  (
    for fd in "/proc/$BASHPID/fd/"*; do
      fd=${fd##*/}
      [ "$fd" -le 2 ] || eval "exec $fd>&-"
    done
    exec setsid nsenter --net="/run/netns/$namespace" env PATH="$programs:$PATH" dockerd \
      --config-file /dev/null --data-root "$state/data" --exec-root "$state/run" --pidfile "$pidfile" -H "unix://$socket"
  ) >"$state/dockerd.log" 2>&1 </dev/null &
  for _ in $(seq 150); do
    if docker -H "unix://$socket" version >/dev/null 2>&1; then return; fi
    kill -0 $! 2>/dev/null || break
    sleep 0.2
  done
  tail -n 20 "$state/dockerd.log" >&2
  stop
  echo "the engine does not respond" >&2
  return 1
}

# running reports whether the pid file names a running dockerd.
running() { [ -s "$pidfile" ] && grep -qs '^Name:[[:space:]]*dockerd$' "/proc/$(cat "$pidfile")/status"; }

stop() {
  local mount
  if running; then
    docker -H "unix://$socket" ps --all --quiet | xargs --no-run-if-empty docker -H "unix://$socket" rm --force --volumes >/dev/null || true
    kill "$(cat "$pidfile")"
    for _ in $(seq 150); do
      running || break
      sleep 0.2
    done
  fi
  while read -r mount; do umount -l "$mount"; done < <(awk -v dir="$state/" 'index($2, dir) == 1 { print $2 }' /proc/mounts | sort -r)
  if ip netns list | grep -q "^$namespace\b"; then ip netns del $namespace; fi
  rm -rf "$state"
}

case ${1:-} in
  run)
    shift
    reason=$(missing)
    if [ -n "$reason" ]; then
      TKDEPLOY_ENGINE29_MISSING=$reason exec "$@"
    fi
    trap stop EXIT
    start
    inside "$@"
    ;;
  start)
    reason=$(missing)
    [ -z "$reason" ] || { echo "$reason" >&2 && exit 1; }
    start
    echo "nsenter --net=/run/netns/$namespace env DOCKER_HOST=unix://$socket COMMAND..."
    ;;
  stop) stop ;;
  *)
    echo "usage: engine29.sh run COMMAND... | start | stop" >&2
    exit 2
    ;;
esac

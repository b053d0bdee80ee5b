#!/usr/bin/env bash
# Start a Docker engine if none is running.
#
#   hack/engine.sh                  install Debian's docker.io if needed, and start the engine
#   hack/engine.sh --no-install     start the engine; fail if it is not installed
#   hack/engine.sh --install-only   install what is missing, but start nothing
#
# It prints what it installs, and nothing if an engine is running. Installing and
# starting need root. The engine is configured for the host's capabilities and
# starts with or without systemd.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
mode=${1:-}
case $mode in
  '' | --no-install | --install-only) ;;
  *)
    printf 'usage: engine.sh [--no-install|--install-only]\n' >&2
    exit 2
    ;;
esac

config=/etc/docker/daemon.json
pidfile=/var/run/docker.pid
containerd_pidfile=/var/run/docker/containerd/containerd.pid
log=/var/log/dockerd.log

say() { printf 'engine: %s\n' "$*" >&2; }

die() {
  say "$*"
  exit 1
}

answers() { timeout 20 docker version >/dev/null 2>&1; }

check_host() {
  case ${DOCKER_HOST:-} in
    '' | unix:///var/run/docker.sock | unix:///run/docker.sock) ;;
    *) die "no Docker engine at $DOCKER_HOST: start that engine, or unset DOCKER_HOST" ;;
  esac
  if [ "$(id -u)" -ne 0 ]; then
    [ ! -S /var/run/docker.sock ] || [ -w /var/run/docker.sock ] ||
      die "no permission for /var/run/docker.sock: add the user to the group docker, or run this as root"
    die "no Docker engine is running: start it (sudo systemctl start docker), or run this as root to install one"
  fi
  command -v dockerd >/dev/null || command -v apt-get >/dev/null ||
    die "no Docker engine is installed, and this is not Debian: install one (https://docs.docker.com/engine/install)"
}

# install_packages installs the Debian packages of missing commands. With
# --no-install it exits with an error instead.
install_packages() {
  local packages=()
  { command -v dockerd && command -v docker; } >/dev/null || packages+=(docker.io)
  command -v iptables >/dev/null || packages+=(iptables)
  command -v ip >/dev/null || packages+=(iproute2)
  command -v jq >/dev/null || packages+=(jq)
  [ ${#packages[@]} -gt 0 ] || return 0
  [ "$mode" != --no-install ] || die "missing Debian packages: ${packages[*]}: run \`make deps\`"
  say "installing ${packages[*]}"
  export DEBIAN_FRONTEND=noninteractive
  { apt-get update -qq && apt-get install -y -qq --no-install-recommends "${packages[@]}"; } >"$log" 2>&1 || {
    tail -n 20 "$log" >&2
    die "installing ${packages[*]} failed"
  }
}

# Some containers and micro VMs lack CAP_SYS_RESOURCE (bit 24) in the bounding set.
lacks_sys_resource() {
  local bounding
  bounding=$(awk '/^CapBnd:/ { print $2 }' /proc/self/status)
  ((!(16#$bounding >> 24 & 1)))
}

# fit_capabilities makes privileged containers work on such a host. Engines before
# version 28 request unavailable capabilities and need a wrapper around runc.
fit_capabilities() {
  local major
  major=$(dockerd --version | sed -n 's/^Docker version \([0-9]*\).*/\1/p')
  if ! lacks_sys_resource || [ "${major:-0}" -ge 28 ]; then return 0; fi
  cmp -s "$here/runc-capfit" /usr/local/bin/runc-capfit || {
    say "installing /usr/local/bin/runc-capfit: this host has no CAP_SYS_RESOURCE"
    install -D -m 0755 "$here/runc-capfit" /usr/local/bin/runc-capfit
  }
  merge_config '{"runtimes": {"capfit": {"path": "/usr/local/bin/runc-capfit"}}, "default-runtime": "capfit"}'
}

# merge_config JSON adds settings to the engine's configuration. Existing settings
# take precedence.
merge_config() {
  local old=/dev/null new
  [ ! -s $config ] || old=$config
  new=$(jq -s --argjson add "$1" '$add * (.[0] // {})' $old) || die "$config is not valid JSON: fix it"
  [ "$new" = "$(jq . $old)" ] && return
  say "adding $1 to $config"
  mkdir -p "$(dirname $config)"
  printf '%s\n' "$new" >$config.new
  mv $config.new $config
}

# raise_limits raises the limits for inotify and open files to what kind nodes need
# (see kind's "known issues"). systemd and kubelet watch many files in each node.
raise_limits() {
  local setting
  for setting in fs.inotify.max_user_instances=512 fs.inotify.max_user_watches=524288; do
    [ "$(sysctl -n "${setting%=*}")" -ge "${setting#*=}" ] || sysctl -qw "$setting" || say "cannot set $setting"
  done
  ulimit -n "$(ulimit -Hn)"
}

# runs PIDFILE NAME reports whether PIDFILE names a running process NAME. A killed
# process keeps its name until it is reaped, but is not running.
runs() {
  [ -s "$1" ] && grep -qs "^Name:[[:space:]]*$2\$" "/proc/$(cat "$1")/status" &&
    ! grep -qs '^State:[[:space:]]*[ZX]' "/proc/$(cat "$1")/status"
}

# remove_stale removes the pid files and sockets of a killed engine. If another
# process has the same pid, dockerd refuses to start or waits for containerd.
remove_stale() {
  if [ -e $pidfile ] && ! runs $pidfile dockerd; then
    say "removing stale $pidfile"
    rm -f $pidfile
  fi
  if [ -e $containerd_pidfile ] && ! runs $containerd_pidfile containerd; then
    rm -f $containerd_pidfile "$(dirname $containerd_pidfile)"/containerd*.sock*
  fi
}

# start_daemon starts dockerd in its own session, without a terminal. It closes the
# caller's file descriptors, because a caller may wait until its pipe is closed.
start_daemon() {
  say "starting dockerd, log in $log"
  (
    cd /
    for fd in "/proc/$BASHPID/fd/"*; do
      fd=${fd##*/}
      [ "$fd" -le 2 ] || eval "exec $fd>&-"
    done
    exec setsid nohup dockerd >>"$log" 2>&1 </dev/null
  ) &
}

# await_engine [PID] waits up to 30 s for the engine. It stops early if the process
# has ended.
await_engine() {
  for _ in $(seq 150); do
    answers && return
    runs $pidfile dockerd || kill -0 "${1:-$$}" 2>/dev/null || break
    sleep 0.2
  done
  [ ! -e $log ] || tail -n 5 $log >&2
  die "the engine does not respond"
}

answers && exit 0
check_host
# Allow one process at a time. After waiting, the engine may be running.
exec {lock}>/var/lock/tkdeploy-engine
flock "$lock"
answers && exit 0

install_packages
[ "$mode" != --install-only ] || exit 0
fit_capabilities
raise_limits
if [ -d /run/systemd/system ]; then
  say "starting docker.service"
  systemctl restart docker
  await_engine
else
  # Wait for an engine that is starting, or for a killed one to exit.
  for _ in $(seq 150); do
    if answers || ! runs $pidfile dockerd; then break; fi
    sleep 0.2
  done
fi
if ! answers; then
  remove_stale
  start_daemon
  await_engine $!
fi
say "$(docker version --format 'Docker engine {{.Server.Version}} is running')"

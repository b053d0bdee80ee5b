#!/usr/bin/env bash
# Make sure that a Docker engine answers. Where one does, this does and says
# nothing. A Debian host that has none gets Debian's own (docker.io), set up
# for what the host allows and started, with systemd or without.
# Run it as root; run it again whenever the engine has died.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)

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

# require_means ends the script where it cannot help, with what would.
require_means() {
  case ${DOCKER_HOST:-} in
    '' | unix:///var/run/docker.sock | unix:///run/docker.sock) ;;
    *) die "DOCKER_HOST is $DOCKER_HOST and nothing answers there: start that engine, or unset DOCKER_HOST" ;;
  esac
  if [ "$(id -u)" -ne 0 ]; then
    [ ! -S /var/run/docker.sock ] || [ -w /var/run/docker.sock ] ||
      die "this user may not use /var/run/docker.sock: add it to the group docker, or run this as root"
    die "no Docker engine answers: start it (sudo systemctl start docker), or run this as root to install one"
  fi
  command -v dockerd >/dev/null || command -v apt-get >/dev/null ||
    die "no Docker engine is installed and this is no Debian: install one (https://docs.docker.com/engine/install)"
}

# install_packages installs the Debian packages of the commands that are missing.
install_packages() {
  local packages=()
  command -v dockerd >/dev/null || packages+=(docker.io)
  command -v docker >/dev/null || packages+=(docker.io)
  command -v iptables >/dev/null || packages+=(iptables)
  command -v ip >/dev/null || packages+=(iproute2)
  command -v jq >/dev/null || packages+=(jq)
  [ ${#packages[@]} -gt 0 ] || return 0
  say "installing ${packages[*]}"
  export DEBIAN_FRONTEND=noninteractive
  { apt-get update -qq && apt-get install -y -qq --no-install-recommends "${packages[@]}"; } >"$log" 2>&1 || {
    tail -n 20 "$log" >&2
    die "installing ${packages[*]} failed"
  }
}

# lacks_sys_resource tells whether this host cannot give CAP_SYS_RESOURCE
# (bit 24 of the bounding set), as in some containers and micro VMs.
lacks_sys_resource() {
  local bounding
  bounding=$(awk '/^CapBnd:/ { print $2 }' /proc/self/status)
  ((!(16#$bounding >> 24 & 1)))
}

# fit_capabilities makes privileged containers possible on such a host. Engines
# from 28 on ask only for what the host has; older ones need the wrapper.
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

# merge_config adds settings to the engine's configuration. What is there wins.
merge_config() {
  local old=/dev/null new
  [ ! -s $config ] || old=$config
  new=$(jq -s --argjson add "$1" '$add * (.[0] // {})' $old) || die "$config is not JSON: correct it"
  [ "$new" = "$(jq . $old)" ] && return
  say "adding $1 to $config"
  mkdir -p "$(dirname $config)"
  printf '%s\n' "$new" >$config.new
  mv $config.new $config
}

# raise_limits gives kind nodes what they need (kind's "known issues"): each
# runs a systemd and a kubelet, which watch many files.
raise_limits() {
  local setting
  for setting in fs.inotify.max_user_instances=512 fs.inotify.max_user_watches=524288; do
    [ "$(sysctl -n "${setting%=*}")" -ge "${setting#*=}" ] || sysctl -qw "$setting" || say "cannot set $setting"
  done
  ulimit -n "$(ulimit -Hn)"
}

# runs PIDFILE NAME tells whether PIDFILE names a running process NAME. One that
# was killed keeps its name for a moment, as a zombie, and does not run.
runs() {
  [ -s "$1" ] && grep -qs "^Name:[[:space:]]*$2\$" "/proc/$(cat "$1")/status" &&
    ! grep -qs '^State:[[:space:]]*[ZX]' "/proc/$(cat "$1")/status"
}

# remove_stale removes what a killed engine left. dockerd refuses to start, or
# waits in vain for its containerd, when another process has got the old id.
remove_stale() {
  if [ -e $pidfile ] && ! runs $pidfile dockerd; then
    say "removing $pidfile of an engine that is gone"
    rm -f $pidfile
  fi
  if [ -e $containerd_pidfile ] && ! runs $containerd_pidfile containerd; then
    rm -f $containerd_pidfile "$(dirname $containerd_pidfile)"/containerd*.sock*
  fi
}

# start_daemon starts dockerd apart from this shell: own session, no terminal,
# and no open file of the caller (a pipe that stays open makes a caller wait for ever).
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

# await_engine waits until the engine answers.
await_engine() {
  for _ in $(seq 150); do
    answers && return
    runs $pidfile dockerd || kill -0 "${1:-$$}" 2>/dev/null || break
    sleep 0.2
  done
  [ ! -e $log ] || tail -n 5 $log >&2
  die "the engine does not answer"
}

answers && exit 0
require_means
# One at a time; who had to wait finds the engine running.
exec {lock}>/var/lock/tkdeploy-engine
flock "$lock"
answers && exit 0

install_packages
fit_capabilities
raise_limits
if [ -d /run/systemd/system ]; then
  say "starting docker.service"
  systemctl restart docker
  await_engine
else
  # one that is starting is waited for; one that was just killed ends meanwhile
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
say "$(docker version --format 'Docker engine {{.Server.Version}} answers')"

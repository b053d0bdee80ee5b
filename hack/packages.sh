#!/usr/bin/env bash
# Install the OS packages that the tests need (Debian, root), or check for them.
#
#   hack/packages.sh                        install missing packages
#   hack/packages.sh --check [COMMAND...]   exit 1 if a command is missing; default: all
set -euo pipefail

# The packages, each with the command that --check accepts for it. The fonts are for
# chromium, gcc is for the race detector.
packages=(
  postgresql=initdb
  redis-server=redis-server
  shellcheck=shellcheck
  chromium=chromium
  fonts-dejavu-core=
  gcc=gcc
  libc6-dev=
  jq=jq
)

has() {
  case $1 in
    initdb) command -v initdb || compgen -G '/usr/lib/postgresql/*/bin/initdb' ;; # not in PATH on Debian
    chromium) command -v "${CHROMIUM:-chromium}" ;;
    *) command -v "$1" ;;
  esac >/dev/null
}

check() {
  local name missing=0
  for name; do
    has "$name" && continue
    echo "$name not found: run \`make deps\`" >&2
    missing=1
  done
  return "$missing"
}

# install_missing runs under the lock, because another process may be installing the
# same packages. It skips a package whose command exists, wherever it comes from.
install_missing() {
  local pair missing=()
  for pair in "${packages[@]}"; do
    [ -n "${pair#*=}" ] && has "${pair#*=}" && continue
    dpkg-query -W -f '${Status}' "${pair%%=*}" 2>/dev/null | grep -q 'ok installed' || missing+=("${pair%%=*}")
  done
  [ ${#missing[@]} -eq 0 ] || install_packages "${missing[@]}"
}

if [ "${1:-}" = --check ]; then
  shift
  # shellcheck disable=SC2046 # the names have no spaces
  [ $# -gt 0 ] || set -- $(printf '%s\n' "${packages[@]#*=}")
  check "$@"
  exit
fi
# shellcheck source=../offline/lib.sh
source "$(dirname "$0")/../offline/lib.sh"
locked apt install_missing # recipes install packages too

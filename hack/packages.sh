#!/usr/bin/env bash
# Install the Debian packages that the tests want, where that is possible.
# Does nothing where they are there; elsewhere the tests say what they skip.
# The recipes install packages too: who comes second waits.
set -euo pipefail
# shellcheck source=../offline/lib.sh
source "$(dirname "$0")/../offline/lib.sh"

# install_missing installs what is missing now: another may have installed it.
install_missing() {
  local missing=() p
  for p in postgresql redis-server shellcheck chromium fonts-dejavu-core; do
    dpkg-query -W -f '${Status}' "$p" 2>/dev/null | grep -q 'ok installed' || missing+=("$p")
  done
  [ ${#missing[@]} -gt 0 ] || return 0
  if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
    say "not installed here: ${missing[*]}; the tests that want them will say so"
    return 0
  fi
  install_packages "${missing[@]}"
}

locked apt install_missing

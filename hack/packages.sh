#!/usr/bin/env bash
# Install the Debian packages that the tests want, where that is possible.
# Does nothing where they are there; elsewhere the tests say what they skip.
set -euo pipefail
packages=(postgresql redis-server shellcheck chromium fonts-dejavu-core)
missing=()
for p in "${packages[@]}"; do
  dpkg-query -W -f '${Status}' "$p" 2>/dev/null | grep -q 'ok installed' || missing+=("$p")
done
[ ${#missing[@]} -eq 0 ] && exit 0
if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
  echo "not installed here: ${missing[*]}; the tests that want them will say so" >&2
  exit 0
fi
echo "installing ${missing[*]}" >&2
export DEBIAN_FRONTEND=noninteractive
apt-get update -qq
# policy-rc.d keeps Debian's post-install scripts from starting servers
apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null

#!/bin/sh
# Install tkdeploy for the current user; no root needed.
#
#   sh install.sh [--version VERSION] [--dir DIR]
#
# VERSION is a release such as v0.1.0, by default the latest. DIR is by default
# ~/.local/bin. The archive is verified with the release's checksums. DIR/tkdeploy is
# replaced in one step or not at all.
#
# TKDEPLOY_RELEASES is the URL of the releases: the script reads checksums.txt and the
# archives from URL/download/VERSION/ and URL/latest/download/.
set -eu

releases=${TKDEPLOY_RELEASES:-https://tkdeploy.dev/tkdeploy/releases}
version=''
dir=''
work=''

fail() {
  printf 'install.sh: %s\n' "$1" >&2
  [ $# -lt 2 ] || printf '  %s\n' "$2" >&2
  exit 1
}

usage() {
  printf 'usage: sh install.sh [--version VERSION] [--dir DIR]\n'
}

parse() {
  while [ $# -gt 0 ]; do
    case $1 in
      --version | --dir)
        [ -n "${2:-}" ] || fail "$1 needs a value" "$(usage)"
        case $1 in
          --version) version=v${2#v} ;;
          *) dir=$2 ;;
        esac
        shift 2
        ;;
      -h | --help) usage && exit 0 ;;
      *) fail "unknown argument $1" "$(usage)" ;;
    esac
  done
  if [ -z "$dir" ]; then
    [ -n "${HOME:-}" ] || fail 'HOME is not set' 'Use --dir DIR.'
    dir=$HOME/.local/bin
  fi
}

has() { command -v "$1" >/dev/null 2>&1; }

# platform prints GOOS_GOARCH of this machine.
platform() {
  os=$(uname -s) arch=$(uname -m)
  case $os in
    Linux) os=linux ;;
    Darwin) os=darwin ;;
  esac
  case $arch in
    x86_64 | amd64) arch=amd64 ;;
    aarch64 | arm64) arch=arm64 ;;
  esac
  # A shell under Rosetta reports x86_64 on an arm64 Mac.
  if [ "$os" = darwin ] && [ "$(sysctl -n sysctl.proc_translated 2>/dev/null || true)" = 1 ]; then arch=arm64; fi
  printf '%s_%s' "$os" "$arch"
}

# download URL FILE gives up after a minute without data.
download() {
  if has curl; then
    curl -fsSL --connect-timeout 30 --speed-limit 1 --speed-time 60 -o "$2" "$1"
  else
    wget -q -t 2 -T 60 -O "$2" "$1"
  fi
}

sha256() {
  if has sha256sum; then
    sha256sum "$1"
  else
    shasum -a 256 "$1"
  fi | cut -d ' ' -f 1
}

require_tools() {
  has curl || has wget || fail 'neither curl nor wget found' 'Install one of them.'
  has sha256sum || has shasum || fail 'neither sha256sum nor shasum found' 'Install one of them.'
  has tar || fail 'tar not found' 'Install it.'
}

cleanup() { [ -z "$work" ] || rm -rf "$work"; }

fetch() {
  platform=$(platform)
  from=$releases/latest/download
  [ -z "$version" ] || from=$releases/download/$version
  download "$from/checksums.txt" "$work/checksums.txt" ||
    fail "download $from/checksums.txt failed" 'Check the network, the proxy (https_proxy) and that the version exists.'
  archive=$(sed -n "s/^[0-9a-f]\{64\}  \(tkdeploy_.*_$platform\.tar\.gz\)\$/\1/p" "$work/checksums.txt")
  case $archive in
    '') fail "the release has no archive for $platform" "Build tkdeploy from source, see README.md." ;;
    *[!A-Za-z0-9._+~-]*) fail "unexpected name of the archive for $platform in checksums.txt" ;;
  esac
  want=$(sed -n "s/^\([0-9a-f]\{64\}\)  $archive\$/\1/p" "$work/checksums.txt")
  # The release that is the latest can change between two downloads.
  release=v${archive#tkdeploy_} release=${release%"_$platform.tar.gz"}
  from=$releases/download/$release
  printf 'Downloading %s/%s\n' "$from" "$archive"
  download "$from/$archive" "$work/$archive" ||
    fail "download $from/$archive failed" 'Run the script again.'
  got=$(sha256 "$work/$archive")
  [ "$got" = "$want" ] ||
    fail "$archive has the checksum $got, checksums.txt says $want" 'Nothing was installed. Run the script again; if it fails again, report it.'
}

install_binary() {
  tar -xzf "$work/$archive" -C "$work" tkdeploy || fail "extract tkdeploy from $archive failed"
  chmod 755 "$work/tkdeploy"
  installed=$("$work/tkdeploy" version) || fail "$archive does not run on this machine" 'Nothing was installed.'
  [ ! -d "$dir/tkdeploy" ] || fail "$dir/tkdeploy is a directory" 'Use --dir DIR.'
  mv -f "$work/tkdeploy" "$dir/tkdeploy"
  printf 'Installed %s/tkdeploy: %s\n' "$dir" "$installed"
}

# The dollar signs are for the user's shell.
# shellcheck disable=SC2016
report_path() {
  case :$PATH: in
    *:"$dir":*)
      found=$(command -v tkdeploy || true)
      [ "$found" = "$dir/tkdeploy" ] || printf 'Note: %s precedes it in PATH.\n' "$found"
      ;;
    *)
      printf '%s is not in PATH. Add it in your shell'\''s startup file:\n' "$dir"
      case ${SHELL:-} in
        */fish) printf '  fish_add_path %s\n' "$dir" ;;
        */zsh) printf '  echo '\''export PATH="%s:$PATH"'\'' >> ~/.zshrc\n' "$dir" ;;
        */bash) printf '  echo '\''export PATH="%s:$PATH"'\'' >> ~/.bashrc\n' "$dir" ;;
        *) printf '  export PATH="%s:$PATH"\n' "$dir" ;;
      esac
      ;;
  esac
}

main() {
  parse "$@"
  require_tools
  mkdir -p "$dir" || fail "create $dir failed" 'Use --dir DIR.'
  dir=$(cd "$dir" && pwd)
  trap cleanup EXIT
  trap 'exit 129' HUP
  trap 'exit 130' INT
  trap 'exit 143' TERM
  # In the same directory, because a rename to another file system is not atomic.
  work=$(mktemp -d "$dir/.tkdeploy-install.XXXXXX") || fail "$dir is not writable" 'Use --dir DIR.'
  fetch
  install_binary
  report_path
}

# The last line, so that a script that was downloaded in part does nothing.
main "$@"

# shellcheck shell=bash
# The node's programs, built from Go modules. Source this file after lib.sh, in
# the recipe's directory.
#
# Modules are built in parallel. The programs of one module are built one at a
# time, because they share most packages and would compile these twice. The
# slowest module is the first in the table.

# Number of modules to build in parallel, at least two, because linking a program
# uses only one core.
parallel=$(($(nproc) > 3 ? $(nproc) / 2 : 2))

binaries() { awk -v m="$1" '$1 == "binary" && $2 == m { print $3 }' components; }
package() { awk -v b="$1" '$1 == "binary" && $3 == b { print $4 }' components; }
module_path() { awk -v m="$1" '$2 == m { print $3; exit }' components; }
module_version() { awk -v m="$1" '$2 == m { print $4; exit }' components; }

# module_dir MODULE prints the directory of its built programs. The name contains
# a hash of all inputs.
module_dir() {
  echo "$cache/node-$1-$({
    awk -v m="$1" '$2 == m' components
    build_flags "$1"
    declare -f build_module go_program
    cat "modules/$1/go.mod" "modules/$1/go.sum"
    go env GOVERSION GOARCH
  } | digest)"
}

# build_binaries COMMAND builds all missing modules. It runs COMMAND in parallel
# with the last ones, but not if no module is missing.
build_binaries() {
  local module modules=() running=0
  while read -r module; do
    [ -d "$(module_dir "$module")" ] || modules+=("$module")
  done < <(awk '$1 == "module" { print $2 }' components)
  [ ${#modules[@]} -gt 0 ] || return 0
  begun=$(mktemp) # one line for each program started
  total=0
  for module in "${modules[@]}"; do total=$((total + $(binaries "$module" | wc -l))); done
  for module in "${modules[@]}"; do
    await_below "$parallel"
    cached "$(module_dir "$module")" build_module "$module" &
    running=$((running + 1))
  done
  await_below "$parallel"
  "$1" &
  running=$((running + 1))
  await_below 1
  rm -f "$begun"
}

# await_below N waits until fewer than N jobs are running. If one fails, it stops
# the others and exits.
await_below() {
  while [ "$running" -ge "$1" ]; do
    if ! wait -n; then
      # shellcheck disable=SC2046 # one argument for each job
      kill $(jobs -p) 2>/dev/null || true
      die "building the node's programs failed"
    fi
    running=$((running - 1))
  done
}

# build_module MODULE DIR builds the programs of MODULE in DIR.
build_module() {
  local module=$1 out=$2 binary path flags
  path=$(module_path "$module")
  require_locked "$module" "$path"
  rm -rf "$out" && mkdir "$out"
  mapfile -t flags < <(build_flags "$module")
  for binary in $(binaries "$module"); do
    echo "$binary" >>"$begun"
    say "$binary ($(wc -l <"$begun") of $total, $(elapsed))…"
    go_program "$module" "$(cgo "$module")" "modules/$module" -o "$out/$binary" "${flags[@]}" \
      "$(realpath -m --relative-to=/ "/$path/$(package "$binary")")"
  done
}

# require_locked MODULE PATH exits with an error if modules/ does not match the table.
require_locked() {
  grep -qE "^(require )?\s*$2 $(module_version "$1")( // indirect)?\$" "modules/$1/go.mod" ||
    die "offline/node/modules/$1 does not require $2 $(module_version "$1"): run offline/node/lock"
}

# build_flags MODULE prints the go build flags, one per line.
build_flags() {
  local version set=k8s.io/component-base/version
  version=$(module_version "$1")
  case $1 in
    kubernetes)
      # kubeadm and the kubelet check these versions, and kubeadm derives image names from them.
      echo -ldflags
      echo "-s -w -X $set.gitVersion=$version -X $set.gitMajor=1 -X $set.gitMinor=$(cut -d. -f2 <<<"$version") -X $set.gitTreeState=clean"
      ;;
    containerd)
      # Exclude the same snapshotters as kind.
      printf '%s\n' -tags 'no_aufs no_zfs no_btrfs no_devmapper' \
        -ldflags "-s -w -X $(module_path "$1")/version.Version=$version"
      ;;
    runc) printf '%s\n' -tags seccomp -ldflags "-s -w -X main.version=${version#v}" ;;
    *) printf '%s\n' -ldflags '-s -w' ;;
  esac
}

# cgo MODULE prints CGO_ENABLED for the module. Only runc needs cgo: it starts in
# C, before Go creates threads, and links libseccomp.
cgo() { if [ "$1" = runc ]; then echo 1; else echo 0; fi; }

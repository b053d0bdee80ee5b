# shellcheck shell=bash
# The node's programs, from Go modules. Source it after lib.sh, in the recipe's folder.
#
# The modules are built side by side and the programs of a module one after
# another: they share most of their packages, and two at once would compile
# these twice. The module that takes longest comes first in the table.

# How many modules are built at a time. Two keep two cores busy: linking a
# program takes only one.
parallel=$(($(nproc) > 3 ? $(nproc) / 2 : 2))

binaries() { awk -v m="$1" '$1 == "binary" && $2 == m { print $3 }' components; }
package() { awk -v b="$1" '$1 == "binary" && $3 == b { print $4 }' components; }
module_path() { awk -v m="$1" '$2 == m { print $3; exit }' components; }
module_version() { awk -v m="$1" '$2 == m { print $4; exit }' components; }

# module_dir MODULE prints the folder of its finished programs. The name tells
# everything that goes into them.
module_dir() {
  echo "$cache/node-$1-$({
    awk -v m="$1" '$2 == m' components
    build_flags "$1"
    declare -f build_module go_program
    cat "modules/$1/go.mod" "modules/$1/go.sum"
    go env GOVERSION GOARCH
  } | digest)"
}

# build_binaries COMMAND builds what is missing of all modules, and runs COMMAND
# beside the last of them.
build_binaries() {
  local module modules=() running=0
  while read -r module; do
    [ -d "$(module_dir "$module")" ] || modules+=("$module")
  done < <(awk '$1 == "module" { print $2 }' components)
  [ ${#modules[@]} -gt 0 ] || return 0
  begun=$(mktemp) # one line for each program begun, by whichever module
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

# await_below N waits until fewer than N jobs run. One that fails ends all.
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

# build_module MODULE DIR
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

# require_locked MODULE PATH ends the recipe where modules/ is older than the table.
require_locked() {
  grep -qE "^(require )?\s*$2 $(module_version "$1")( // indirect)?\$" "modules/$1/go.mod" ||
    die "offline/node/modules/$1 does not have $2 $(module_version "$1"): run offline/node/lock"
}

# build_flags MODULE prints the go build flags, one a line.
build_flags() {
  local version set=k8s.io/component-base/version
  version=$(module_version "$1")
  case $1 in
    kubernetes)
      # kubeadm and the kubelet compare these, and kubeadm derives image names from them.
      echo -ldflags
      echo "-s -w -X $set.gitVersion=$version -X $set.gitMajor=1 -X $set.gitMinor=$(cut -d. -f2 <<<"$version") -X $set.gitTreeState=clean"
      ;;
    containerd)
      # The snapshotters that kind leaves out, too.
      printf '%s\n' -tags 'no_aufs no_zfs no_btrfs no_devmapper' \
        -ldflags "-s -w -X $(module_path "$1")/version.Version=$version"
      ;;
    runc) printf '%s\n' -tags seccomp -ldflags "-s -w -X main.version=${version#v}" ;;
    *) printf '%s\n' -ldflags '-s -w' ;;
  esac
}

# cgo MODULE prints 1 where it takes a C compiler: runc starts in C, before Go
# has made threads, and links libseccomp.
cgo() { if [ "$1" = runc ]; then echo 1; else echo 0; fi; }

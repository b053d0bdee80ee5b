# shellcheck shell=bash
# Shared functions of the recipes. Source this file.
#
# An image is assembled from layer tars and a config, and loaded with `docker
# load`, without a Dockerfile, builder or container. The same inputs therefore
# produce the same image ID on every engine version, and rebuilding a base image
# does not rebuild its dependents.

set -euo pipefail

# Build cache; safe to delete. Entries unused for a month are removed.
cache=${XDG_CACHE_HOME:-$HOME/.cache}/tkdeploy/offline
mkdir -p "$cache"
find "$cache" -mindepth 1 -maxdepth 1 ! -name '*.lock' -mtime +30 -exec rm -rf {} +

# The PATH of every image. Images have no default PATH.
# shellcheck disable=SC2034 # used by the recipes
search_path=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin

started=$SECONDS

# say prints a progress line to standard error.
say() { printf '%s\n' "$*" >&2; }

# die prints an error and exits.
die() {
  say "$*"
  exit 1
}

# elapsed prints the time since the recipe started, as 4m05s.
elapsed() {
  local s=$((SECONDS - started))
  printf '%dm%02ds' $((s / 60)) $((s % 60))
}

# digest prints a hash of standard input, short enough for a file name.
digest() { sha256sum | cut -c1-16; }

# quietly WHAT COMMAND... runs COMMAND and prints its output only if it fails.
quietly() {
  local what=$1 log
  shift
  log=$(mktemp)
  if ! "$@" >"$log" 2>&1; then
    tail -n 20 "$log" >&2
    rm -f "$log"
    die "$what failed"
  fi
  rm -f "$log"
}

# locked NAME COMMAND... runs COMMAND while holding the lock NAME.
locked() {
  local name=$1 lock
  shift
  exec {lock}>"$cache/$name.lock"
  flock "$lock"
  "$@" {lock}>&- # so that a daemon started by COMMAND does not inherit the lock
  exec {lock}>&-
}

# cached FILE COMMAND... creates FILE unless it exists. COMMAND gets a temporary
# path as its last argument, which is renamed to FILE on success. Concurrent
# recipes create FILE only once.
cached() {
  local file=$1
  shift
  [ -e "$file" ] || locked "$(basename "$file")" make_cached "$file" "$@"
  touch "$file"
}

make_cached() {
  local file=$1
  shift
  [ -e "$file" ] && return
  "$@" "$file.part" || die "building $(basename "$file") failed"
  mv "$file.part" "$file"
}

# go_program FAMILY CGO MODULE ARG... runs `go build ARG...` in the directory
# MODULE. Programs of a family share most packages. They are built one at a time,
# so that the shared packages are compiled only once.
go_program() {
  local family=$1 cgo=$2 module=$3
  shift 3
  locked "go-$family" quietly "go build ${*: -1}" env GOWORK=off GOFLAGS=-mod=readonly CGO_ENABLED="$cgo" \
    go build -C "$module" -buildvcs=false -trimpath "$@"
}

# need COMMAND=PACKAGE... installs the Debian packages whose command is missing.
# COMMAND may also be a path.
need() {
  local pair missing=()
  for pair; do
    command -v "${pair%%=*}" >/dev/null || [ -e "${pair%%=*}" ] || missing+=("${pair#*=}")
  done
  [ ${#missing[@]} -eq 0 ] || locked apt install_packages "${missing[@]}"
}

install_packages() {
  if ! command -v apt-get >/dev/null || [ "$(id -u)" -ne 0 ]; then
    die "missing Debian packages: $* (install them, or run as root on Debian)"
  fi
  say "installing $*…"
  export DEBIAN_FRONTEND=noninteractive
  # A fresh host has no package lists. Do not fetch them again where they exist.
  if ! apt-get install -y -qq --no-install-recommends "$@" >/dev/null 2>&1; then
    quietly "apt-get update" apt-get update -qq
    quietly "apt-get install $*" apt-get install -y -qq --no-install-recommends "$@"
  fi
}

# need_engine exits with an error if no Docker engine is running.
need_engine() {
  command -v docker >/dev/null || die "docker not found: install Docker, or run hack/engine.sh"
  docker version >/dev/null 2>&1 || die "no Docker engine at ${DOCKER_HOST:-the default socket}: start it, or run hack/engine.sh"
}

# architecture prints the machine's architecture as Go and Docker name it.
architecture() {
  case $(uname -m) in
    x86_64) echo amd64 ;;
    aarch64) echo arm64 ;;
    *) uname -m ;;
  esac
}

# layer DIR FILE packs DIR into the layer FILE. The output is reproducible.
layer() {
  tar --create --file "$2" --directory "$1" --sort=name --mtime=@0 --numeric-owner --owner=0 --group=0 .
}

# image_config CONFIG LAYER... prints the image configuration as JSON. CONFIG is
# its "config" object, as defined by the OCI image specification.
image_config() {
  local config=$1 diffs
  shift
  diffs=$(sha256sum "$@" | jq -R 'split(" ")[0] | "sha256:" + .' | jq -sc .)
  # A fixed date, because the build date would change the image ID.
  jq -nc --argjson config "$config" --argjson diffs "$diffs" --arg arch "$(architecture)" \
    '{architecture: $arch, os: "linux", created: "1970-01-01T00:00:00Z", config: $config,
      rootfs: {type: "layers", diff_ids: $diffs}, history: ($diffs | map({created: "1970-01-01T00:00:00Z"}))}'
}

# image_archive REF CONFIG LAYER... writes a docker-archive of one image to
# standard output, for `docker load` or `ctr images import`.
image_archive() (
  ref=$1 config=$2
  shift 2
  dir=$(mktemp -d)
  trap 'rm -rf "$dir"' EXIT
  image_config "$config" "$@" >"$dir/config.json"
  names=()
  for file; do
    ln -s "$(realpath "$file")" "$dir/layer${#names[@]}.tar"
    names+=("layer${#names[@]}.tar")
  done
  jq -nc --arg ref "$ref" '[{Config: "config.json", RepoTags: [$ref], Layers: $ARGS.positional}]' \
    --args "${names[@]}" >"$dir/manifest.json"
  tar --create --dereference --directory "$dir" manifest.json config.json "${names[@]}"
)

# with_label CONFIG prints CONFIG with the label that marks images built by a recipe.
with_label() {
  jq -c --arg recipe "${TKDEPLOY_RECIPE:-}" \
    'if $recipe == "" then . else .Labels["dev.tkdeploy.recipe"] = $recipe end' <<<"$1"
}

# load_image REF CONFIG LAYER... loads the image into the engine, or only tags it
# if the engine already has it.
load_image() {
  local ref=$1 config id
  config=$(with_label "$2")
  shift 2
  id=sha256:$(image_config "$config" "$@" | sha256sum | cut -d' ' -f1)
  if ! docker tag "$id" "$ref" 2>/dev/null; then
    say "loading $ref…"
    image_archive "$ref" "$config" "$@" | docker load --quiet >/dev/null
  fi
}

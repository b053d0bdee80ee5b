# shellcheck shell=bash
# Shared functions of the recipes. Source it; it runs nothing by itself.
#
# Every image is put together from layer tars and a config, and handed to the
# engine with `docker load`: no Dockerfile, no builder, no container. So the
# same inputs give the same image id, on every engine version, and a rebuilt
# base image does not rebuild what stands on it.

set -euo pipefail

# Cached results live here; deleting the folder costs time, nothing else. What
# no recipe has used for a month goes.
cache=${XDG_CACHE_HOME:-$HOME/.cache}/tkdeploy/offline
mkdir -p "$cache"
find "$cache" -mindepth 1 -maxdepth 1 ! -name '*.lock' -mtime +30 -exec rm -rf {} +

# The PATH of every image: an image without one has none.
# shellcheck disable=SC2034 # the recipes use it
search_path=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin

started=$SECONDS

# say prints one line of progress.
say() { printf '%s\n' "$*" >&2; }

# die prints the reason and ends the recipe.
die() {
  say "$*"
  exit 1
}

# elapsed prints the time since the recipe started, as 4m05s.
elapsed() {
  local s=$((SECONDS - started))
  printf '%dm%02ds' $((s / 60)) $((s % 60))
}

# digest prints a short hash of its standard input, long enough to name a file.
digest() { sha256sum | cut -c1-16; }

# quietly WHAT COMMAND... runs COMMAND and shows its output only when it fails.
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

# locked NAME COMMAND... runs COMMAND while no other recipe runs under NAME.
locked() {
  local name=$1 lock
  shift
  exec {lock}>"$cache/$name.lock"
  flock "$lock"
  "$@" {lock}>&- # or a daemon that COMMAND starts would keep the lock
  exec {lock}>&-
}

# cached FILE COMMAND... makes FILE once: COMMAND gets the name of a file to
# write, which becomes FILE when it succeeds. Recipes that want the same FILE
# at the same time make it once.
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
  "$@" "$file.part" || die "making $(basename "$file") failed"
  mv "$file.part" "$file"
}

# go_program FAMILY CGO MODULE ARG... is `go build ARG...` in the folder MODULE.
# Programs of a family share most packages. They are built one after another, or
# each would compile these for itself.
go_program() {
  local family=$1 cgo=$2 module=$3
  shift 3
  locked "go-$family" quietly "go build ${*: -1}" env GOWORK=off GOFLAGS=-mod=readonly CGO_ENABLED="$cgo" \
    go build -C "$module" -buildvcs=false -trimpath "$@"
}

# need COMMAND=PACKAGE... installs the Debian packages whose command is missing.
# A command that is a path stands for itself.
need() {
  local pair missing=()
  for pair; do
    command -v "${pair%%=*}" >/dev/null || [ -e "${pair%%=*}" ] || missing+=("${pair#*=}")
  done
  [ ${#missing[@]} -eq 0 ] || locked apt install_packages "${missing[@]}"
}

install_packages() {
  if ! command -v apt-get >/dev/null || [ "$(id -u)" -ne 0 ]; then
    die "this recipe needs the Debian packages: $* (install them, or run as root on Debian)"
  fi
  say "installing $*…"
  export DEBIAN_FRONTEND=noninteractive
  # A host that was just set up has no package lists; one that has them is not
  # asked to fetch them again.
  if ! apt-get install -y -qq --no-install-recommends "$@" >/dev/null 2>&1; then
    quietly "apt-get update" apt-get update -qq
    quietly "apt-get install $*" apt-get install -y -qq --no-install-recommends "$@"
  fi
}

# need_engine ends the recipe where no Docker engine answers.
need_engine() {
  command -v docker >/dev/null || die "the docker command is missing: install Docker, or run hack/engine.sh"
  docker version >/dev/null 2>&1 || die "no Docker engine answers at ${DOCKER_HOST:-the default socket}: start it, or run hack/engine.sh"
}

# architecture prints the machine's architecture in the words of Go and Docker.
architecture() {
  case $(uname -m) in
    x86_64) echo amd64 ;;
    aarch64) echo arm64 ;;
    *) uname -m ;;
  esac
}

# layer DIR FILE packs DIR into the layer FILE: same content, same bytes.
layer() {
  tar --create --file "$2" --directory "$1" --sort=name --mtime=@0 --numeric-owner --owner=0 --group=0 .
}

# image_config CONFIG LAYER... prints an image's configuration. CONFIG is the
# "config" object of the OCI image specification as JSON.
image_config() {
  local config=$1 diffs
  shift
  diffs=$(sha256sum "$@" | jq -R 'split(" ")[0] | "sha256:" + .' | jq -sc .)
  # An empty date: the build's own would give every rebuild a new image id.
  jq -nc --argjson config "$config" --argjson diffs "$diffs" --arg arch "$(architecture)" \
    '{architecture: $arch, os: "linux", created: "1970-01-01T00:00:00Z", config: $config,
      rootfs: {type: "layers", diff_ids: $diffs}, history: ($diffs | map({created: "1970-01-01T00:00:00Z"}))}'
}

# image_archive REF CONFIG LAYER... writes a docker-archive of one image to
# standard output. `docker load` and `ctr images import` both read it.
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

# with_label CONFIG adds the label by which tkdeploy knows a recipe's image.
with_label() {
  jq -c --arg recipe "${TKDEPLOY_RECIPE:-}" \
    'if $recipe == "" then . else .Labels["dev.tkdeploy.recipe"] = $recipe end' <<<"$1"
}

# load_image REF CONFIG LAYER... makes the image in the engine. An engine that
# has the very same image is only asked to tag it.
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

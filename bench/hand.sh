#!/usr/bin/env bash
# Builds, deploys and tests an app with docker, kind and helm, as a careful user would do
# without tkdeploy: it builds in parallel, derives tags from the contents, skips images that
# exist, loads all images at once, lets Helm wait, and runs the chart's test. Run it in an
# app's directory with hand.conf and kind.yaml:
#
#   hand.sh up [--no-test]   build, create the cluster, load, install or upgrade, test
#   hand.sh build|load       run that step only
#   hand.sh down             delete the cluster
#
# SEQUENTIAL=1 builds and loads one image after the other. The script requires docker with
# BuildKit, kind and helm in PATH. It prints the seconds of each step to stderr.
# shellcheck disable=SC2154 # hand.conf sets the variables that are not set here
set -euo pipefail
export DOCKER_BUILDKIT=1 BUILDX_NO_DEFAULT_ATTESTATIONS=1 # attestations change the ID of a cached build every time
export KUBECONFIG=$PWD/kubeconfig
sequential=${SEQUENTIAL:-}
test=yes
[ "${2:-}" != --no-test ] || test=

# hand.conf sets cluster, node_image, chart, release, namespace, values, build_args, built
# and external.
# shellcheck source=/dev/null
. ./hand.conf
refs=()     # references of all images
settings=() # helm arguments that set the images in the chart

# step NAME COMMAND... runs a command and prints its duration.
step() {
  local name=$1 begin=$EPOCHREALTIME
  shift
  "$@"
  awk -v name="$name" -v from="$begin" -v to="$EPOCHREALTIME" 'BEGIN { printf "step %s %.3f\n", name, to - from }' >&2
}

# content_tag CONTEXT TARGET [EXCLUDED]... prints a hash of the image's inputs.
content_tag() {
  local context=$1 target=$2 dir skip=()
  shift 2
  for dir; do skip+=(-path "./$dir" -prune -o); done
  (
    echo "$target ${build_args[*]}"
    cd "$context"
    find . "${skip[@]}" -type f -print0 | LC_ALL=C sort -z | xargs -0 sha256sum
  ) | sha256sum | cut -c 1-12
}

# add_image REPOSITORY TAG VALUES adds an image to refs and settings.
add_image() {
  refs+=("$1:$2")
  settings+=(--set-string "$3.repository=$1,$3.tag=$2")
}

build() {
  local line repository path context target excluded tag have arg args=() jobs=() job
  for arg in "${build_args[@]}"; do args+=(--build-arg "$arg"); done
  have=$(docker image ls --format '{{.Repository}}:{{.Tag}}')
  for line in "${built[@]}"; do
    IFS='|' read -r repository path context target excluded <<<"$line"
    # shellcheck disable=SC2086 # one word per directory
    tag=$(content_tag "$context" "$target" $excluded)
    add_image "$repository" "$tag" "$path"
    if grep -qxF "$repository:$tag" <<<"$have"; then continue; fi
    docker build --quiet --tag "$repository:$tag" ${target:+--target "$target"} "${args[@]}" "$context" >/dev/null &
    if [ -n "$sequential" ]; then wait $!; else jobs+=($!); fi
  done
  for job in "${jobs[@]}"; do wait "$job"; done
  for line in "${external[@]}"; do
    IFS='|' read -r repository path <<<"$line"
    docker image inspect "$repository" >/dev/null 2>&1 || docker pull --quiet "$repository" >/dev/null
    add_image "${repository%:*}" "${repository##*:}" "$path"
  done
}

cluster() {
  local have
  have=$(kind get clusters --quiet)
  if grep -qxF "$cluster" <<<"$have"; then return; fi
  kind create cluster --quiet --name "$cluster" --image "$node_image" --config kind.yaml
}

load() {
  local ref
  if [ -z "$sequential" ]; then
    kind load docker-image --quiet --name "$cluster" "${refs[@]}"
    return
  fi
  for ref in "${refs[@]}"; do kind load docker-image --quiet --name "$cluster" "$ref"; done
}

release() {
  local file files=()
  for file in "${values[@]}"; do files+=(--values "$file"); done
  helm upgrade --install --wait --timeout 5m --create-namespace --namespace "$namespace" \
    "${files[@]}" "${settings[@]}" "$release" "$chart" >/dev/null
}

test_release() { helm test --namespace "$namespace" "$release" >/dev/null; }

case ${1:-} in
  up)
    step build build
    step cluster cluster
    step load load
    step release release
    if [ -n "$test" ]; then step test test_release; fi
    ;;
  build) step build build ;;
  load)
    build
    step load load
    ;;
  down) kind delete cluster --quiet --name "$cluster" ;;
  *)
    sed -n '2,12s/^# \{0,1\}//p' "$0" >&2
    exit 2
    ;;
esac

#!/usr/bin/env bash
# What a careful user writes instead of using tkdeploy: build side by side with tags made
# from the contents, build nothing whose tag is there, load all images at once, let Helm wait,
# run the chart's test. In an app's folder with hand.conf and kind.yaml:
#
#   hand.sh up [--no-test]   build, create the cluster, load, install or upgrade, test
#   hand.sh build|load       that step alone
#   hand.sh down             delete the cluster
#
# With ONE_AT_A_TIME=1 it builds and loads one image after the other. It needs docker with
# BuildKit, kind and helm on PATH. Each step's seconds are told on standard error.
# shellcheck disable=SC2154 # hand.conf sets what is not set here
set -euo pipefail
export DOCKER_BUILDKIT=1 BUILDX_NO_DEFAULT_ATTESTATIONS=1 # attestations give a cached build a new id every time
export KUBECONFIG=$PWD/kubeconfig
one_at_a_time=${ONE_AT_A_TIME:-}
test=yes
[ "${2:-}" != --no-test ] || test=

# The app: cluster, node_image, chart, release, namespace, values, build_args, built, outside.
# shellcheck source=/dev/null
. ./hand.conf
refs=()     # of all images
settings=() # that tell the chart

step() { # step NAME COMMAND...
  local name=$1 begin=$EPOCHREALTIME
  shift
  "$@"
  awk -v name="$name" -v from="$begin" -v to="$EPOCHREALTIME" 'BEGIN { printf "step %s %.3f\n", name, to - from }' >&2
}

# content_tag CONTEXT TARGET [EXCLUDED]... prints a hash of what the image is made of.
content_tag() {
  local context=$1 target=$2 folder skip=()
  shift 2
  for folder; do skip+=(-path "./$folder" -prune -o); done
  (
    echo "$target ${build_args[*]}"
    cd "$context"
    find . "${skip[@]}" -type f -print0 | LC_ALL=C sort -z | xargs -0 sha256sum
  ) | sha256sum | cut -c 1-12
}

# use REPOSITORY TAG VALUES
use() {
  refs+=("$1:$2")
  settings+=(--set-string "$3.repository=$1,$3.tag=$2")
}

build() {
  local line repository path context target excluded tag have arg args=() jobs=() job
  for arg in "${build_args[@]}"; do args+=(--build-arg "$arg"); done
  have=$(docker image ls --format '{{.Repository}}:{{.Tag}}')
  for line in "${built[@]}"; do
    IFS='|' read -r repository path context target excluded <<<"$line"
    # shellcheck disable=SC2086 # one word for each folder
    tag=$(content_tag "$context" "$target" $excluded)
    use "$repository" "$tag" "$path"
    if grep -qxF "$repository:$tag" <<<"$have"; then continue; fi
    docker build --quiet --tag "$repository:$tag" ${target:+--target "$target"} "${args[@]}" "$context" >/dev/null &
    if [ -n "$one_at_a_time" ]; then wait $!; else jobs+=($!); fi
  done
  for job in "${jobs[@]}"; do wait "$job"; done
  for line in "${outside[@]}"; do
    IFS='|' read -r repository path <<<"$line"
    docker image inspect "$repository" >/dev/null 2>&1 || docker pull --quiet "$repository" >/dev/null
    use "${repository%:*}" "${repository##*:}" "$path"
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
  if [ -z "$one_at_a_time" ]; then
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
    sed -n '2,11s/^# \{0,1\}//p' "$0" >&2
    exit 2
    ;;
esac

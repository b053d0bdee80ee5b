#!/usr/bin/env bash
# Deploy a small app with the tkdeploy of an archive, in a directory outside the
# repository, as a new user does: up, unchanged up, change, down. The app has only a
# Dockerfile and a chart. The engine must have the node image, or be able to pull it.
#
#   hack/test-archive.sh ARCHIVE
set -euo pipefail
archive=$(realpath "${1:?usage: test-archive.sh ARCHIVE}")
cd "$(dirname "$0")/.."
shop=$PWD/test/e2e/testdata/shop
cluster=tkdeploy-archive port=26080
work=$(mktemp -d "${TMPDIR:-/tmp}/$cluster.XXXXXX")

clean() {
  local status=$?
  trap - EXIT
  if [ -d "$work/app" ]; then run down --volumes --force >"$work/down.log" 2>&1 || cat "$work/down.log" >&2; fi
  rm -rf "$work"
  exit "$status"
}

# run runs tkdeploy with nothing of this user's environment but PATH and the engine.
run() {
  (cd "$work/app" && env -i PATH="$PATH" HOME="$work/home" ${DOCKER_HOST:+DOCKER_HOST="$DOCKER_HOST"} "$work/tkdeploy" "$@")
}

check() {
  local got
  got=$(curl -fsS --max-time 10 "http://localhost:$port/health")
  [ "$got" = "$1" ] || { echo "test-archive.sh: got $got, want $1" >&2; exit 1; }
}

trap clean EXIT
mkdir -p "$work/home" "$work/app/web"
tar -xzf "$archive" -C "$work" tkdeploy
cp -r "$shop/chart" "$work/app/chart"
printf 'FROM scratch\nCOPY web /web\nUSER 65532:65532\nENTRYPOINT ["/web"]\n' >"$work/app/web/Dockerfile"
(cd "$shop/web" && CGO_ENABLED=0 GOOS=linux go build -trimpath -ldflags '-s -w' -o "$work/app/web/web" .)
cat >"$work/app/tkdeploy.yaml" <<EOF
apiVersion: tkdeploy.dev/v1
name: shop
images:
  web: {repository: shop-archive-web, build: {context: web}, values: web.image}
chart: {path: chart, release: shop, namespace: shop}
environments:
  dev: {cluster: {kind: {name: $cluster, image: {ref: "docker.io/kindest/node:v1.37.0"}, ports: ["$port:30080"]}}}
EOF

run version
run up
check 'the shop is OK'
run up
history=$(run history --output json)
[[ $history == *'"verified":true'* ]] || { echo "test-archive.sh: the revision is not verified: $history" >&2; exit 1; }
revisions=$(grep -o '"revision":[0-9]*' <<<"$history" | sort -u | wc -l)
[ "$revisions" -eq 1 ] || { echo "test-archive.sh: got $revisions revisions after an unchanged run, want 1" >&2; exit 1; }
run up --set web.env.HEALTH=201
check 'the shop is Created'
run down --volumes
if curl -fsS --max-time 5 "http://localhost:$port/health" >/dev/null 2>&1; then
  echo 'test-archive.sh: the app still responds after down' >&2
  exit 1
fi
echo 'test-archive.sh: ok'

#!/usr/bin/env bash
# Make all images that the tests on clusters want, the node's too, and compile
# those tests: none shall share the machine with a compiler. Where all is there,
# it takes the time of one small cluster.
set -euo pipefail
cd "$(dirname "$0")/.."
tkdeploy=$PWD/bin/tkdeploy
"$tkdeploy" up --env ci --only build &
stack=$!
work=$(mktemp -d)
down() {
  wait
  (cd "$work/app" && XDG_STATE_HOME=$work/state "$tkdeploy" down --env test --volumes) || true
  rm -rf "$work"
}
trap down EXIT
cp -r test/e2e/testdata/shop "$work/app"
cp -r offline "$work/app/offline"
sed -i 's/shop-e2e/tkdeploy-images/; s/24080:/25081:/' "$work/app/tkdeploy.yaml"
(cd "$work/app" && XDG_STATE_HOME=$work/state "$tkdeploy" up --env test --to cluster)
go test -tags e2e -run '^$' ./internal/images ./internal/release ./internal/rollout ./internal/verify ./test/e2e >/dev/null
wait "$stack"

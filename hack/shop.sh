# shellcheck shell=bash
# Functions for test scripts that need their own cluster with the example app shop.
# Source this file in the root of the checkout, after `make build`.
tkdeploy=$PWD/bin/tkdeploy

# create_app CLUSTER PORT copies the app and configures it for a cluster name and a
# host port. The cluster and the copy are deleted when the script exits.
create_app() {
  work=${TMPDIR:-/tmp}/$1
  trap delete_app EXIT
  mkdir -p "$work"
  rm -rf "$work/app"
  cp -r test/e2e/testdata/shop "$work/app"
  cp -r offline "$work/app/offline"
  sed -i "s/shop-e2e/$1/; s/24080:/$2:/" "$work/app/tkdeploy.yaml"
}

in_app() { (cd "$work/app" && XDG_STATE_HOME=$work/state "$tkdeploy" "$@" --env test); }

# delete_app deletes the cluster and the copy, unless TKDEPLOY_E2E_KEEP is set.
delete_app() {
  wait
  [ -z "${TKDEPLOY_E2E_KEEP:-}" ] || return 0
  in_app down --volumes || true
  rm -rf "$work"
}

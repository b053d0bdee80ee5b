# shellcheck shell=bash
# The small app of the tests, sourced by the scripts that want a cluster for
# themselves. They run in the root of the checkout, which has bin/tkdeploy.
tkdeploy=$PWD/bin/tkdeploy

# lay_out CLUSTER PORT copies the app for a cluster and a port of its own; both
# are gone with the script, or with the next that lays out the same and ends.
lay_out() {
  work=${TMPDIR:-/tmp}/$1
  trap take_away EXIT
  mkdir -p "$work"
  rm -rf "$work/app"
  cp -r test/e2e/testdata/shop "$work/app"
  cp -r offline "$work/app/offline"
  sed -i "s/shop-e2e/$1/; s/24080:/$2:/" "$work/app/tkdeploy.yaml"
}

# in_app COMMAND... runs tkdeploy for the app.
in_app() { (cd "$work/app" && XDG_STATE_HOME=$work/state "$tkdeploy" "$@" --env test); }

take_away() {
  wait
  [ -z "${TKDEPLOY_E2E_KEEP:-}" ] || return 0
  in_app down --volumes || true
  rm -rf "$work"
}

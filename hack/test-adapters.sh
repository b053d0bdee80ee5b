#!/usr/bin/env bash
# Run the e2e tests of the packages that speak to the engine and the cluster,
# on a cluster of their own that tkdeploy makes and takes away again.
#
#   hack/test-adapters.sh [PACKAGE...]     those packages only
#   hack/test-adapters.sh --take-away      only takes away what test-images.sh left
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source=shop.sh
source hack/shop.sh
exec {lock}>"${TMPDIR:-/tmp}/tkdeploy-tests-use-the-engine" # test/e2e kills the engine when nobody holds it
flock -s "$lock"
lay_out tkdeploy-adapters 25080
if [ "${1:-}" = --take-away ]; then exit; fi
[ $# -gt 0 ] || set -- ./internal/images ./internal/release ./internal/rollout ./internal/verify
in_app up --to cluster

TKDEPLOY_TEST_KUBECONFIG=$(in_app kubeconfig)
TKDEPLOY_TEST_NODE="tkdeploy-adapters-control-plane"
TKDEPLOY_TEST_PROBE_IMAGE=tkdeploy.local/smoke-test:e2e
export TKDEPLOY_TEST_KUBECONFIG TKDEPLOY_TEST_NODE TKDEPLOY_TEST_PROBE_IMAGE

# The program that internal/verify tests with, as an image in the node.
CGO_ENABLED=0 go build -o "$work/smokeimage" ./internal/verify/testdata/smokeimage
tar -C "$work" -c smokeimage |
  docker import --change 'ENTRYPOINT ["/smokeimage"]' --change 'USER 65532:65532' - "$TKDEPLOY_TEST_PROBE_IMAGE" >/dev/null
docker save "$TKDEPLOY_TEST_PROBE_IMAGE" | docker exec -i "$TKDEPLOY_TEST_NODE" ctr -n k8s.io images import - >/dev/null
docker rmi -f "$TKDEPLOY_TEST_PROBE_IMAGE" >/dev/null

# The reference stack is tested beside this one, with real people's waiting times: it goes before.
docker update --cpu-shares 512 "$TKDEPLOY_TEST_NODE" >/dev/null

# Tests wait far more than they work: more at once than there are cores. With ten of them, or packages
# side by side, runc failed to freeze cgroups and containerd told a kill for want of memory as another;
# with six, the stack beside them lost requests.
go test -tags e2e -run E2E -count 1 -p 1 -parallel 4 -timeout 30m "$@"

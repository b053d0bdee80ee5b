#!/usr/bin/env bash
# Run the e2e tests of the packages that use the engine and the cluster, on a
# cluster that tkdeploy creates and deletes.
#
#   hack/test-adapters.sh [PACKAGE...]     run the tests; default: all packages
#   hack/test-adapters.sh --clean          only delete the cluster of test-images.sh
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source=shop.sh
source hack/shop.sh
exec {lock}>"${TMPDIR:-/tmp}/tkdeploy-tests-use-the-engine" # test/e2e kills the engine only while nothing holds this lock
flock -s "$lock"
create_app tkdeploy-adapters 25080
if [ "${1:-}" = --clean ]; then exit; fi
[ $# -gt 0 ] || set -- ./internal/images ./internal/nodeload ./internal/release ./internal/rollout ./internal/verify
in_app up --to cluster

TKDEPLOY_TEST_KUBECONFIG=$(in_app kubeconfig)
TKDEPLOY_TEST_NODE="tkdeploy-adapters-control-plane"
TKDEPLOY_TEST_PROBE_IMAGE=tkdeploy.local/smoke-test:e2e
export TKDEPLOY_TEST_KUBECONFIG TKDEPLOY_TEST_NODE TKDEPLOY_TEST_PROBE_IMAGE

# Load the test program of internal/verify into the node as an image.
CGO_ENABLED=0 go build -o "$work/smokeimage" ./internal/verify/testdata/smokeimage
tar -C "$work" -c smokeimage |
  docker import --change 'ENTRYPOINT ["/smokeimage"]' --change 'USER 65532:65532' - "$TKDEPLOY_TEST_PROBE_IMAGE" >/dev/null
docker save "$TKDEPLOY_TEST_PROBE_IMAGE" | docker exec -i "$TKDEPLOY_TEST_NODE" ctr -n k8s.io images import - >/dev/null
docker rmi -f "$TKDEPLOY_TEST_PROBE_IMAGE" >/dev/null

# Prefer the reference stack, which is tested in parallel with realistic timeouts.
docker update --cpu-shares 512 "$TKDEPLOY_TEST_NODE" >/dev/null

# The tests mostly wait, so run more than there are cores. Limits measured on 2 cores: with ten tests, or
# several packages in parallel, runc failed to freeze cgroups and containerd reported out-of-memory kills
# with another reason. With six, the reference stack lost requests.
go test -tags e2e -run E2E -count 1 -p 1 -parallel 4 -timeout 30m "$@"

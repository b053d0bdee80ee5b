#!/usr/bin/env bash
# Create the commit of a release and its tag: HEAD plus the smoke test's programs, which
# git ignores elsewhere. `go install ...@VERSION` then gives a complete tkdeploy without
# a second build. The branch, the index and the working tree stay as they are.
#
#   hack/release-commit.sh v1.2.3
#   git push origin v1.2.3
set -euo pipefail
cd "$(dirname "$0")/.."

version=${1:?usage: hack/release-commit.sh VERSION}
programs=internal/verify/program/programs

if [ -n "$(git status --porcelain)" ]; then
  echo "commit or stash your changes first: the programs are built from the working tree" >&2
  exit 1
fi
go run ./hack/probes "$programs" linux/amd64 linux/arm64

index=$(mktemp)
trap 'rm -f "$index"' EXIT
export GIT_INDEX_FILE=$index
git read-tree HEAD
git add --force "$programs"/*.gz
commit=$(git commit-tree "$(git write-tree)" -p HEAD -m "release: add the smoke test's programs for $version")
git tag -a -m "$version" "$version" "$commit"
echo "$version is commit $commit. Publish it with: git push origin $version"

#!/usr/bin/env bash
# Install the commit of a release with `go install ...@latest`, for each platform, from
# a module proxy that is a directory. The native program must contain the smoke test's
# programs.
#
#   hack/test-install.sh [PLATFORM...]     default: linux and darwin, amd64 and arm64
set -euo pipefail
cd "$(dirname "$0")/.."

module=tkdeploy.dev/tkdeploy
version=v0.0.1-install
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT

git clone --quiet --no-tags . "$dir/source"
git -C "$dir/source" config user.name test
git -C "$dir/source" config user.email test@example.com
"$dir/source/hack/release-commit.sh" "$version"

# A proxy leaves out directories that are modules of their own.
proxy=$dir/proxy/$module/@v
mkdir -p "$proxy"
mapfile -t nested < <(git -C "$dir/source" ls-files '*/go.mod' | sed 's|/go.mod$||; s|^|:!|')
git -C "$dir/source" archive --format=zip --prefix="$module@$version/" -o "$proxy/$version.zip" "$version" -- . "${nested[@]}"
cp "$dir/source/go.mod" "$proxy/$version.mod"
echo "{\"Version\": \"$version\"}" >"$proxy/$version.info"
echo "$version" >"$proxy/list"

# A new module cache, filled from the usual one, so that the test leaves nothing there.
GOPROXY=file://$dir/proxy,file://$(go env GOMODCACHE)/cache/download,$(go env GOPROXY)
export GOPROXY GOSUMDB=off GOFLAGS='-trimpath -modcacherw' GOPATH=$dir/go GOMODCACHE=$dir/go/pkg/mod
native=$(go env GOHOSTOS)/$(go env GOHOSTARCH)
[ $# -gt 0 ] || set -- {linux,darwin}/{amd64,arm64}
for platform; do
  GOOS=${platform%/*} GOARCH=${platform#*/} go install "$module/cmd/tkdeploy@latest"
  echo "$platform: installed"
  [ "$platform" = "$native" ] || continue
  "$GOPATH/bin/tkdeploy" version --output json | tee "$dir/version.json"
  grep -q "\"version\":\"$version\".*\"nodes\":\[\"linux/amd64\",\"linux/arm64\"\]" "$dir/version.json"
done

#!/usr/bin/env bash
# Print the section of a version in CHANGELOG.md: release-notes.sh v0.1.0 [FILE].
set -euo pipefail
cd "$(dirname "$0")/.."
version=${1:?usage: release-notes.sh VERSION [FILE]}
notes=$(awk -v heading="## [${version#v}]" '
  index($0, "## [") == 1 { inside = index($0, heading) == 1; next }
  inside' "${2:-CHANGELOG.md}")
if [ -z "${notes//[[:space:]]/}" ]; then
  echo "release-notes.sh: CHANGELOG.md has no section for ${version#v}" >&2
  exit 1
fi
printf '%s\n' "$notes"

#!/usr/bin/env bash
# Check all shell scripts of the repository.
set -euo pipefail
cd "$(dirname "$0")/.."
hack/packages.sh
if ! command -v shellcheck >/dev/null; then
  echo "shellcheck: SKIPPED: it is not installed on this machine"
  exit 0
fi
git ls-files -co --exclude-standard | while IFS= read -r file; do
  if [ -f "$file" ] && head -n 1 "$file" | grep -qE '^#!.*\b(ba)?sh\b'; then echo "$file"; fi
done | xargs shellcheck -x -P SCRIPTDIR

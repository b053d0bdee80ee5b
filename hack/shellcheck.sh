#!/usr/bin/env bash
# Run shellcheck on all shell scripts in the repository.
set -euo pipefail
cd "$(dirname "$0")/.."
hack/packages.sh --check shellcheck
git ls-files -co --exclude-standard | while IFS= read -r file; do
  if [ -f "$file" ] && head -n 1 "$file" | grep -qE '^#!.*\b(ba)?sh\b'; then echo "$file"; fi
done | xargs shellcheck -x -P SCRIPTDIR

#!/usr/bin/env bash
# Run every fuzz target for a time, one after the other: hack/fuzz.sh [TIME] [TARGET]...
# What a target finds is kept below its package's testdata/fuzz: commit it with
# the mend. All targets run, also after one has failed.
set -euo pipefail
cd "$(dirname "$0")/.."
time=${1:-60s}
shift || true
wanted=" $* "
failed=()
log=$(mktemp)
trap 'rm -f "$log"' EXIT

# fuzz TARGET PACKAGE runs one target.
fuzz() {
  go test -run '^$' -fuzz "^$1\$" -fuzztime "$time" -fuzzminimizetime 1s "$2" 2>&1 | tee "$log"
}

# unlucky tells a run that found nothing, and whose time was over while an input was
# at work: Go calls that a failure (golang/go#75804).
unlucky() { grep -q 'context deadline exceeded' "$log" && ! grep -q 'Failing input written' "$log"; }

while IFS=: read -r file line; do
  target=${line#func }
  target=${target%%(*}
  if [ "$wanted" != "  " ] && [[ "$wanted" != *" $target "* ]]; then continue; fi
  package=./$(dirname "$file")
  echo "== $target in $package for $time"
  fuzz "$target" "$package" || { unlucky && fuzz "$target" "$package"; } || failed+=("$target")
done < <(git grep --untracked -o '^func Fuzz[A-Za-z0-9]*(' -- '*_test.go' | sort)
if [ ${#failed[@]} -gt 0 ]; then
  echo "failed: ${failed[*]}" >&2
  exit 1
fi

#!/usr/bin/env bash
# Run each fuzz target, one after another.
#
#   hack/fuzz.sh [TIME] [TARGET]...   TIME per target; default: 60s
#
# A failing input is saved in testdata/fuzz of its package: commit it with the fix.
# A failure does not stop the other targets.
set -euo pipefail
cd "$(dirname "$0")/.."
time=${1:-60s}
shift || true
targets=" $* "
failed=()
log=$(mktemp)
trap 'rm -f "$log"' EXIT

# fuzz TARGET PACKAGE runs one target.
fuzz() {
  go test -run '^$' -fuzz "^$1\$" -fuzztime "$time" -fuzzminimizetime 1s "$2" 2>&1 | tee "$log"
}

# timed_out reports whether a run failed only because its time ended while an input
# was running (golang/go#75804).
timed_out() { grep -q 'context deadline exceeded' "$log" && ! grep -q 'Failing input written' "$log"; }

while IFS=: read -r file line; do
  target=${line#func }
  target=${target%%(*}
  if [ "$targets" != "  " ] && [[ "$targets" != *" $target "* ]]; then continue; fi
  package=./$(dirname "$file")
  echo "== $target in $package for $time"
  fuzz "$target" "$package" || { timed_out && fuzz "$target" "$package"; } || failed+=("$target")
done < <(git grep --untracked -o '^func Fuzz[A-Za-z0-9]*(' -- '*_test.go' | sort)
if [ ${#failed[@]} -gt 0 ]; then
  echo "failed: ${failed[*]}" >&2
  exit 1
fi
